//! What filters tell each other about a stream, and how a refusal looks to a client.
//!
//! A fact is a value in the stream's filter state: later filters, the access log and traces read
//! it, and no client can write it. Every key, with its form, writer and readers, stands in
//! [`key`]; the types here are the only code that writes or reads those forms.

mod decision;
mod identity;
pub mod key;
mod models;
mod name;
mod refusal;
mod traffic;
mod usage;
mod user;

pub use decision::Decision;
pub use identity::{Account, Identity, tenant};
pub use models::{AllowedModels, ModelPatterns};
pub use name::{Name, NameError};
pub use refusal::{Advice, Refusal, refuse};
pub use traffic::{Traffic, publish_api};
pub use usage::{publish_usage, usage};
pub use user::User;
