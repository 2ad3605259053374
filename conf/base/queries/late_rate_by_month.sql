-- title: Flights that arrived 15 minutes late or more, or not at all, as first reported, by month of departure (UTC)
WITH outcome AS (
  SELECT scheduled_departure, 'arrived' AS how, arr_delay
  FROM flights.bronze_arrival
  WHERE version = 1
  UNION ALL
  SELECT scheduled_departure, 'cancelled', CAST(NULL AS int)
  FROM flights.bronze_cancellation
  WHERE version = 1
)
SELECT
  date_format(scheduled_departure, 'yyyy-MM') AS month,
  count(*) AS flights,
  count(CASE WHEN how = 'cancelled' THEN 1 END) AS cancelled,
  count(CASE WHEN coalesce(arr_delay >= 15, true) THEN 1 END) AS late,
  round(count(CASE WHEN coalesce(arr_delay >= 15, true) THEN 1 END) / count(*), 4) AS late_rate
FROM outcome
GROUP BY date_format(scheduled_departure, 'yyyy-MM')
ORDER BY month
