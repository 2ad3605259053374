-- title: Predictions of each model version
SELECT
  model_version,
  count(*) AS predictions,
  min(scheduled_departure) AS first_departure,
  max(scheduled_departure) AS last_departure,
  max(scored_at) AS last_scored_at,
  round(avg(score), 4) AS mean_score,
  round(sum(decision) / count(*), 4) AS called_late
FROM flight_delay.predictions
GROUP BY model_version
ORDER BY cast(model_version AS int)
