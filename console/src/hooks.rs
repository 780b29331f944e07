//! What the pages stand on: who is logged in, what time it is, what changed, what is listed.

pub(crate) mod act;
pub(crate) mod auth;
pub(crate) mod clock;
pub(crate) mod current;
pub(crate) mod list;
pub(crate) mod live;
pub(crate) mod storage;
pub(crate) mod theme;
