//! Real servers, real clients, a real PostgreSQL: what must hold, whoever dies.

mod cluster;
