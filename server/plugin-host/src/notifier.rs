//! A robot of chats: a fresh instance per message.

use std::sync::Arc;

use crate::context::Mode;
use crate::engine::Pre;
use crate::lifecycle::enter;
use crate::shapes::{Answer, Message};
use crate::{Compiled, Host, Installation, PluginError, Role};

/// A robot with its grant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notifier {
    compiled: Compiled,
    installation: Arc<Installation>,
}

impl Host {
    /// Binds a component to a grant. Nothing runs yet.
    ///
    /// # Errors
    /// [`PluginError::Refused`] for a component of another role.
    pub fn notifier(
        &self,
        compiled: &Compiled,
        installation: Installation,
    ) -> Result<Notifier, PluginError> {
        if compiled.inspection().role != Role::Notifier {
            return Err(other_role());
        }
        Ok(Notifier {
            compiled: compiled.clone(),
            installation: Arc::new(installation),
        })
    }
}

fn other_role() -> PluginError {
    PluginError::Refused {
        detail: "this plugin is no notifier".to_owned(),
    }
}

impl Notifier {
    /// Posts one message.
    ///
    /// # Errors
    /// [`PluginError::Denied`] without the grants it needs, [`PluginError::Failed`] with the
    /// plugin's failure, whose class says whether to retry; traps and limits.
    pub async fn notify(&self, message: Message) -> Result<Answer<()>, PluginError> {
        let Pre::Notifier(pre) = &self.compiled.inner.pre else {
            return Err(other_role());
        };
        let message = message.into();
        enter!(
            self.compiled,
            &self.installation,
            pre,
            "notify",
            Mode::Full,
            |store, guest| guest.bihuan_plugin_notifier().call_notify(store, &message)
        )
    }
}
