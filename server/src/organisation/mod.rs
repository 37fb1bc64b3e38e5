//! Who we are: the organisation, its departments and channels.

pub mod http;
