//! Scripts as tables of commands and replies: what values become, the texts of errors, the libraries, how scripts run.

mod conversions;
mod errors;
mod families;
mod libraries;
mod library;
mod running;
