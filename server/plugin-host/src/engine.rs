//! The engine with everything unneeded switched off, and compilation.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store,
    Strategy, UpdateDeadline, WasmFeatures,
};

use crate::bindings::Everything;
use crate::bindings::ack::AckPartPre;
use crate::bindings::base::BasePartPre;
use crate::bindings::classifier::ClassifierPartPre;
use crate::bindings::knowledge::KnowledgePartPre;
use crate::bindings::notify::NotifyPartPre;
use crate::bindings::pull::PullPartPre;
use crate::bindings::push::PushPartPre;
use crate::call::{begin, finish_instantiation};
use crate::config::CallLimits;
use crate::context::{Context, Mode};
use crate::egress::Rates;
use crate::grant::Installation;
use crate::inspect::{FEATURES, Inspection};
use crate::{HostConfig, Manifest, PluginError, Role};

/// Length of an epoch: the grain of computing budgets.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Elements of a table; rustc needs a few hundred.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;
/// Live handles of one instance: secrets.
const HANDLES: usize = 1000;

/// The engine and what is shared by all plugins. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) config: Arc<HostConfig>,
    rates: Arc<Rates>,
    slots: Arc<Semaphore>,
    /// All interfaces: what a role may import is decided by [`Host::inspect`].
    linker: Linker<Context>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// Starts the engine and its clock thread, which ends with the last clone of the host.
    ///
    /// # Errors
    /// [`PluginError::Host`] when the engine or its thread cannot start.
    pub fn new(config: HostConfig) -> Result<Self, PluginError> {
        let engine = match Engine::new(&engine_config(&config, true)) {
            Ok(engine) => engine,
            Err(error) => {
                // The pool reserves much address space, which some machines forbid.
                tracing::warn!(target: "plugin", %error, "no instance pool: plugins run slower");
                Engine::new(&engine_config(&config, false)).map_err(host_error)?
            }
        };
        let mut linker = Linker::new(&engine);
        Everything::add_to_linker::<Context, HasSelf<Context>>(&mut linker, |c| c)
            .map_err(host_error)?;
        start_ticker(&engine)?;
        let slots = Arc::new(Semaphore::new(config.max_instances as usize));
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                rates: Arc::new(Rates::new(config.http_per_second)),
                config: Arc::new(config),
                slots,
                linker,
            }),
        })
    }

    /// Inspects, compiles and tries a component: it is instantiated once without any power, which
    /// is where half of all mismatches with the contract show.
    ///
    /// # Errors
    /// What [`Host::inspect`] finds, [`PluginError::Malformed`] when it does not compile,
    /// [`PluginError::Contract`] when its types differ, and what a guest's start can do wrong.
    pub async fn compile(&self, bytes: Vec<u8>) -> Result<Compiled, PluginError> {
        let inspection = Self::inspect(&bytes)?;
        let engine = self.inner.engine.clone();
        let component = tokio::task::spawn_blocking(move || machine_code(&engine, &bytes))
            .await
            .map_err(|e| PluginError::Host {
                detail: e.to_string(),
            })??;
        let contract = |e: wasmtime::Error| PluginError::Contract {
            detail: format!("{e:#}"),
        };
        let pre = self
            .inner
            .linker
            .instantiate_pre(&component)
            .map_err(contract)?;
        let base = BasePartPre::new(pre.clone()).map_err(contract)?;
        let pre = match inspection.role {
            Role::Classifier => Pre::Classifier(ClassifierPartPre::new(pre).map_err(contract)?),
            Role::KnowledgeBase => Pre::Knowledge(KnowledgePartPre::new(pre).map_err(contract)?),
            Role::Notifier => Pre::Notifier(NotifyPartPre::new(pre).map_err(contract)?),
            Role::Connector => Pre::Connector(ConnectorPre {
                pull: inspection
                    .exports("puller")
                    .then(|| PullPartPre::new(pre.clone()))
                    .transpose()
                    .map_err(contract)?,
                push: inspection
                    .exports("webhook")
                    .then(|| PushPartPre::new(pre.clone()))
                    .transpose()
                    .map_err(contract)?,
                ack: inspection
                    .exports("acker")
                    .then(|| AckPartPre::new(pre.clone()))
                    .transpose()
                    .map_err(contract)?,
            }),
        };
        let limits = CallLimits::new(&self.inner.config, &inspection.manifest.limits);
        let compiled = Compiled {
            host: self.clone(),
            inner: Arc::new(CompiledInner {
                manifest: Arc::new(inspection.manifest.clone()),
                inspection,
                base,
                pre,
                limits,
            }),
        };
        compiled.dry_run().await?;
        Ok(compiled)
    }

    /// A place for one instance, so that the pool is never exhausted.
    pub(crate) async fn slot(&self) -> Result<OwnedSemaphorePermit, PluginError> {
        let acquired = timeout(
            self.inner.config.wall,
            Arc::clone(&self.inner.slots).acquire_owned(),
        )
        .await;
        match acquired {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(PluginError::Host {
                detail: "no instance became free in time".to_owned(),
            }),
        }
    }
}

/// The one place where a compiler sees foreign bytes; a child process with limits can take its
/// place without a change elsewhere.
fn machine_code(engine: &Engine, bytes: &[u8]) -> Result<Component, PluginError> {
    Component::from_binary(engine, bytes).map_err(|e| PluginError::Malformed {
        detail: format!("{e:#}"),
    })
}

/// A component ready to run. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    pub(crate) host: Host,
    pub(crate) inner: Arc<CompiledInner>,
}

pub(crate) struct CompiledInner {
    pub(crate) inspection: Inspection,
    manifest: Arc<Manifest>,
    pub(crate) base: BasePartPre<Context>,
    pub(crate) pre: Pre,
    pub(crate) limits: CallLimits,
}

pub(crate) enum Pre {
    Classifier(ClassifierPartPre<Context>),
    Knowledge(KnowledgePartPre<Context>),
    Connector(ConnectorPre),
    Notifier(NotifyPartPre<Context>),
}

/// What a connector offers, each looked for by name.
pub(crate) struct ConnectorPre {
    pub(crate) pull: Option<PullPartPre<Context>>,
    pub(crate) push: Option<PushPartPre<Context>>,
    pub(crate) ack: Option<AckPartPre<Context>>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled")
            .field("inspection", &self.inner.inspection)
            .finish_non_exhaustive()
    }
}

impl Compiled {
    /// What the component says of itself.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.inner.inspection
    }

    /// Limits of one call of an installation.
    #[must_use]
    pub fn limits(&self, installation: &Installation) -> CallLimits {
        self.inner.limits.lowered(&installation.limits)
    }

    /// A store with all limits set and nothing used up.
    pub(crate) fn store(&self, installation: &Arc<Installation>) -> Store<Context> {
        let limits = self.limits(installation);
        let manifest = Arc::clone(&self.inner.manifest);
        let host = &self.host.inner;
        let mut store = Store::new(
            &host.engine,
            Context::new(
                manifest,
                Arc::clone(installation),
                limits,
                Arc::clone(&host.config),
                Arc::clone(&host.rates),
            ),
        );
        store.limiter(|context| &mut context.memory);
        store.set_hostcall_fuel(limits.crossing_bytes);
        store.set_max_component_handles(HANDLES);
        store.epoch_deadline_callback(|mut store| {
            let call = &mut store.data_mut().call;
            match call.ticks.checked_sub(1) {
                None => Ok(UpdateDeadline::Interrupt),
                Some(left) => {
                    call.ticks = left;
                    // Not the plain yield: tokio would run the same task again at once.
                    Ok(UpdateDeadline::YieldCustom(
                        1,
                        Box::pin(tokio::task::yield_now()),
                    ))
                }
            }
        });
        store
    }

    async fn dry_run(&self) -> Result<(), PluginError> {
        let _slot = self.host.slot().await?;
        let mut store = self.store(&Arc::new(Installation {
            id: "dry-run".to_owned(),
            ..Installation::default()
        }));
        let wall = begin(&mut store, "start", Mode::NoEffects);
        let done = match &self.inner.pre {
            Pre::Classifier(pre) => timeout(wall, pre.instantiate_async(&mut store))
                .await
                .map(|r| r.map(drop)),
            Pre::Knowledge(pre) => timeout(wall, pre.instantiate_async(&mut store))
                .await
                .map(|r| r.map(drop)),
            Pre::Notifier(pre) => timeout(wall, pre.instantiate_async(&mut store))
                .await
                .map(|r| r.map(drop)),
            Pre::Connector(ConnectorPre {
                pull: Some(pre), ..
            }) => timeout(wall, pre.instantiate_async(&mut store))
                .await
                .map(|r| r.map(drop)),
            Pre::Connector(ConnectorPre {
                push: Some(pre), ..
            }) => timeout(wall, pre.instantiate_async(&mut store))
                .await
                .map(|r| r.map(drop)),
            Pre::Connector(_) => timeout(wall, self.inner.base.instantiate_async(&mut store))
                .await
                .map(|r| r.map(drop)),
        };
        finish_instantiation(&mut store, done)
    }
}

fn engine_config(config: &HostConfig, pooled: bool) -> Config {
    let mut engine = Config::new();
    engine
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        // Equal floats on all machines.
        .cranelift_nan_canonicalization(true)
        .epoch_interruption(true)
        .consume_fuel(false)
        .concurrency_support(false)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(16));
    engine.wasm_features(WasmFeatures::all().difference(FEATURES), false);
    engine.wasm_features(
        FEATURES.difference(WasmFeatures::FLOATS.union(WasmFeatures::GC_TYPES)),
        true,
    );
    if pooled {
        // The address space of 4 GiB a memory stays: it is what makes bounds checks free.
        engine.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    } else {
        engine
            .allocation_strategy(InstanceAllocationStrategy::OnDemand)
            .memory_reservation(64 << 20);
    }
    engine
}

fn pool(config: &HostConfig) -> PoolingAllocationConfig {
    let instances = config.max_instances;
    // Keeping pages saves system calls only where the kernel can say which ones were used.
    let resident = if PoolingAllocationConfig::is_pagemap_scan_available() {
        2 << 20
    } else {
        256 << 10
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * 8)
        .total_memories(instances)
        .total_tables(instances * 4)
        .total_stacks(instances)
        .max_core_instances_per_component(8)
        .max_memories_per_component(1)
        .max_tables_per_component(4)
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(config.memory_bytes)
        .linear_memory_keep_resident(resident)
        .pagemap_scan(Enabled::Auto)
        .decommit_batch_size(16);
    pool
}

/// One thread moves the epoch on. It holds the engine only for the moment of a tick, so it ends
/// by itself when the host is gone.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, whose only work is to wait"
)]
fn start_ticker(engine: &Engine) -> Result<(), PluginError> {
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("plugin-epoch".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(TICK);
                let Some(engine) = weak.upgrade() else { return };
                engine.increment_epoch();
            }
        })
        .map_err(|e| PluginError::Host {
            detail: e.to_string(),
        })?;
    Ok(())
}

fn host_error(error: wasmtime::Error) -> PluginError {
    PluginError::Host {
        detail: format!("{error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_works_here_and_not_only_the_fallback() {
        let config = HostConfig::default();
        assert!(Engine::new(&engine_config(&config, true)).is_ok());
        assert!(Engine::new(&engine_config(&config, false)).is_ok());
    }

    #[tokio::test]
    async fn the_ticker_does_not_keep_the_engine_alive() {
        let host = Host::new(HostConfig::default()).unwrap();
        let weak = host.inner.engine.weak();
        drop(host);
        // The ticker holds the engine for moments only.
        for _ in 0..200 {
            if weak.upgrade().is_none() {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
        panic!("the engine is still alive");
    }
}
