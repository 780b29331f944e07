//! Schedules against enumerations.
