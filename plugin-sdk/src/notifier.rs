//! Robots of chats.

use crate::{Failure, Lifecycle};

pub use crate::bindings::notify::exports::bihuan::plugin::notifier::{Message, Urgency};

/// Posts messages into a chat.
pub trait Notifier: Lifecycle + Sized + 'static {
    /// Called at the start of every call.
    ///
    /// # Errors
    /// A [`Failure`] of class `config` when the settings do not allow to work.
    fn open() -> Result<Self, Failure>;

    /// Posts one message. The same message repeated carries the same key.
    ///
    /// # Errors
    /// A [`Failure`] whose class says what the host does next.
    fn notify(&self, message: &Message) -> Result<(), Failure>;
}
