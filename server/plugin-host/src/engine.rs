//! The engine with everything unneeded switched off, and compilation.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store,
    Strategy, UpdateDeadline, WasmFeatures,
};

use crate::bindings::classifier::{TextClassifier, TextClassifierPre};
use crate::bindings::knowledge::{KnowledgePublisher, KnowledgePublisherPre};
use crate::config::{CallLimits, Installation};
use crate::context::Context;
use crate::inspect::{FEATURES, Inspection};
use crate::{HostConfig, PluginError, Role};

/// Length of an epoch: the grain of computing budgets.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Elements of a table; rustc needs a few hundred.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;
/// Live handles of one instance; the contract has no resources yet.
const HANDLES: usize = 1000;

/// The engine and what is shared by all plugins. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) config: HostConfig,
    slots: Arc<Semaphore>,
    classifier: Linker<Context>,
    knowledge: Linker<Context>,
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
        let mut classifier = Linker::new(&engine);
        TextClassifier::add_to_linker::<Context, HasSelf<Context>>(&mut classifier, |c| c)
            .map_err(host_error)?;
        let mut knowledge = Linker::new(&engine);
        KnowledgePublisher::add_to_linker::<Context, HasSelf<Context>>(&mut knowledge, |c| c)
            .map_err(host_error)?;
        start_ticker(&engine)?;
        let slots = Arc::new(Semaphore::new(config.max_instances as usize));
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                config,
                slots,
                classifier,
                knowledge,
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
        let pre = match inspection.role {
            Role::Classifier => {
                let pre = self
                    .inner
                    .classifier
                    .instantiate_pre(&component)
                    .map_err(contract)?;
                Pre::Classifier(TextClassifierPre::new(pre).map_err(contract)?)
            }
            Role::KnowledgeBase => {
                let pre = self
                    .inner
                    .knowledge
                    .instantiate_pre(&component)
                    .map_err(contract)?;
                Pre::Knowledge(KnowledgePublisherPre::new(pre).map_err(contract)?)
            }
        };
        let limits = CallLimits::new(&self.inner.config, &inspection.manifest.limits);
        let compiled = Compiled {
            host: self.clone(),
            inner: Arc::new(CompiledInner {
                inspection,
                pre,
                limits,
            }),
        };
        compiled.dry_run().await?;
        Ok(compiled)
    }

    /// A place for one instance, so that the pool is never exhausted.
    pub(crate) async fn slot(&self) -> Result<OwnedSemaphorePermit, PluginError> {
        let acquired = tokio::time::timeout(
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
    pub(crate) pre: Pre,
    pub(crate) limits: CallLimits,
}

pub(crate) enum Pre {
    Classifier(TextClassifierPre<Context>),
    Knowledge(KnowledgePublisherPre<Context>),
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

    /// A store with all limits set and nothing used up.
    pub(crate) fn store(&self, installation: &Arc<Installation>) -> Store<Context> {
        let limits = self.inner.limits;
        let manifest = Arc::new(self.inner.inspection.manifest.clone());
        let now_ms = Arc::clone(&self.host.inner.config.now_ms);
        let mut store = Store::new(
            &self.host.inner.engine,
            Context::new(manifest, Arc::clone(installation), limits, now_ms),
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
        let wall = crate::call::begin(&mut store);
        let done = match &self.inner.pre {
            Pre::Classifier(pre) => tokio::time::timeout(wall, pre.instantiate_async(&mut store))
                .await
                .map(|r| r.map(drop)),
            Pre::Knowledge(pre) => tokio::time::timeout(wall, pre.instantiate_async(&mut store))
                .await
                .map(|r| r.map(drop)),
        };
        crate::call::finish_instantiation(&mut store, done)
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
