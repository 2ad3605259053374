"""What several modules name: columns of bronze tables, the time zone of the origins."""

NEW_YORK = "America/New_York"
KEYS = ("carrier", "flight", "origin", "scheduled_departure")
WEATHER_VALUES = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
