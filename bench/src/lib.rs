//! Antares.
