"""Read-only SQL over the tables of an environment. A query names tables, never files, and obeys the access rules.

``statement`` checks a query before an engine sees it, ``execution`` runs it, ``saved_queries`` reads the queries in
conf/, and ``export`` writes the rows to a file.
"""
