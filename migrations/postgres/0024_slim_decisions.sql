-- The log is written far more often than it is read, and ids tell the day: days need no index.
DROP INDEX decisions_day_idx;
