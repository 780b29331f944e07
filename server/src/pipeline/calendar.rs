//! SHIM
use crate::domain::schedule::Schedule;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
#[derive(Debug, Default)]
pub struct Calendars;
impl Calendars {
    pub async fn read(_c: &mut PgConnection, _n: &[String]) -> sqlx::Result<Self> {
        Ok(Self)
    }
    pub fn lies_out(&self, _s: &Schedule, _at: DateTime<Utc>) -> Option<String> {
        None
    }
}
