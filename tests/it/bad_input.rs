//! Bad input on every endpoint: answered with the right problem, and nothing is changed by it.
//!
//! The endpoints come from the OpenAPI document, so that a new one without a case fails these tests.

mod body;
mod document;
mod everywhere;
mod fixture;
mod fuzz;
mod json;
mod messages;
mod state;
mod times;
mod values;
