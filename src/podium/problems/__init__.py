"""Problems: what is asked. A problem owns a request, a label, slices, and names the feature tables that it uses."""
