//! Who may: accounts, passwords, sessions, API tokens.

pub mod http;
mod service;

pub use service::{
    Login, equal, hash_secret, log_in, log_out, new_account, new_token, random_token, resume,
    set_password, sweep, token,
};
