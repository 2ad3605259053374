-- title: Open critical alerts
-- threshold: rows > 0
SELECT window_start, kind, subject, model_version, value, threshold, reason
FROM flight_delay.monitoring_alerts
WHERE status = 'open' AND severity = 'critical'
ORDER BY window_start DESC, kind, subject
