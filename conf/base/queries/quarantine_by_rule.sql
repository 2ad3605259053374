-- title: Bad rows of the source by broken rule, and their share of all rows
-- threshold: share > 0.01
WITH came_in AS (
  SELECT event, sum(rows_in) AS rows_in
  FROM flights.quarantine_intake
  GROUP BY event
)
SELECT bad.event, bad.rule, count(*) AS bad_rows, came_in.rows_in, round(count(*) / came_in.rows_in, 6) AS share
FROM flights.quarantine_rows AS bad
JOIN came_in ON came_in.event = bad.event
GROUP BY bad.event, bad.rule, came_in.rows_in
ORDER BY share DESC, bad.event, bad.rule
