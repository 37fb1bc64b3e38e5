//! What every role answers: its settings and its self check.

use std::sync::Arc;

use serde_json::Value;

use crate::context::{Mode, clean};
use crate::shapes::{Answer, CheckReport};
use crate::{Compiled, Installation, PluginError};

/// Bytes of JSON in settings and in the details of a report.
const JSON_BYTES: usize = 256 << 10;

/// Enters a fresh instance: `enter!(compiled, installation, pre, operation, mode, |store, guest| call)`.
macro_rules! enter {
    ($compiled:expr, $installation:expr, $pre:expr, $operation:expr, $mode:expr, |$store:ident, $guest:ident| $call:expr) => {{
        use tracing::Instrument as _;
        let _slot = $compiled.slot().await?;
        let mut store = $compiled.store($installation);
        let wall = $crate::call::begin(&mut store, $operation, $mode);
        let span = store.data().span();
        let done = tokio::time::timeout(wall, $pre.instantiate_async(&mut store))
            .instrument(span.clone())
            .await;
        let $guest = $crate::call::finish_instantiation(&mut store, done)
            .map_err(|e| $crate::call::failed(&mut store, e))?;
        let $store = &mut store;
        let done = tokio::time::timeout(wall, $call).instrument(span).await;
        $crate::call::settle(&mut store, done)
    }};
}
pub(crate) use enter;

impl Compiled {
    /// The plugin's check of its settings: no effects.
    ///
    /// # Errors
    /// [`PluginError::Failed`] when it refuses them; traps and limits.
    pub async fn validate_config(
        &self,
        installation: &Arc<Installation>,
    ) -> Result<Answer<()>, PluginError> {
        let base = &self.inner.base;
        enter!(
            self,
            installation,
            base,
            "validate-config",
            Mode::NoEffects,
            |store, guest| guest.bihuan_plugin_lifecycle().call_validate_config(store)
        )
    }

    /// The check of its settings, then its self check with everything that is granted.
    ///
    /// # Errors
    /// [`PluginError::Denied`] and [`PluginError::Failed`]; traps and limits.
    pub async fn check(
        &self,
        installation: &Arc<Installation>,
    ) -> Result<Answer<CheckReport>, PluginError> {
        self.validate_config(installation).await?;
        let base = &self.inner.base;
        let answer = enter!(
            self,
            installation,
            base,
            "check",
            Mode::Full,
            |store, guest| guest.bihuan_plugin_lifecycle().call_check(store)
        )?;
        answer.try_map(|report| {
            let report = CheckReport::from(report);
            let details = report.details.trim();
            if details.len() > JSON_BYTES || !(details.is_empty() || is_json(details)) {
                return Err(PluginError::InvalidAnswer {
                    detail: "the details of the check are no JSON, or endless".to_owned(),
                });
            }
            Ok(CheckReport {
                ok: report.ok,
                message: clean(&report.message),
                details: report.details,
            })
        })
    }

    /// Settings of an older `config-version`, turned into the present one. Pure.
    ///
    /// # Errors
    /// [`PluginError::Failed`] when it cannot; [`PluginError::InvalidAnswer`] when the result is no
    /// JSON object; traps and limits.
    pub async fn migrate_config(
        &self,
        installation: &Arc<Installation>,
        from_version: u32,
        old: &Value,
    ) -> Result<Value, PluginError> {
        let base = &self.inner.base;
        let old = old.to_string();
        let answer = enter!(
            self,
            installation,
            base,
            "migrate-config",
            Mode::NoEffects,
            |store, guest| guest.bihuan_plugin_lifecycle().call_migrate_config(
                store,
                from_version,
                &old
            )
        )?;
        let text = answer.value;
        match serde_json::from_str(&text) {
            Ok(Value::Object(new)) if text.len() <= JSON_BYTES => Ok(Value::Object(new)),
            _ => Err(PluginError::InvalidAnswer {
                detail: "migrated settings are no JSON object, or endless".to_owned(),
            }),
        }
    }
}

pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
