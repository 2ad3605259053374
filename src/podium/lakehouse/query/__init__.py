"""SQL over the tables of an environment: by their names, through the access rules, reading only.

``statement`` judges a query before an engine sees it, ``run`` runs it, ``named`` reads the queries that conf/ holds,
``export`` writes the rows to a file.
"""
