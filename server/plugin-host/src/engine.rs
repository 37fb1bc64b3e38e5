//! The engines with everything unneeded switched off, and components ready to run in them.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
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
use crate::compile::{Artifact, Compiling};
use crate::config::CallLimits;
use crate::context::{Context, Mode};
use crate::egress::Rates;
use crate::grant::Installation;
use crate::inspect::{
    EngineKind, FEATURES, Inspection, MAX_COMPONENT_BYTES, RUST_CORE_INSTANCES, RUST_TABLES,
};
use crate::{HostConfig, Manifest, PluginError, Role};

/// Length of an epoch: the grain of computing budgets.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Elements of a table; rustc needs a few hundred.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;
/// Live handles of one instance: secrets.
pub(crate) const HANDLES: usize = 1000;

/// The engines and what is shared by all plugins. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Arc<HostConfig>,
    rates: Arc<Rates>,
    pub(crate) compiling: Compiling,
    rust: Arc<Runtime>,
    /// Started with the first component that needs it.
    script: Mutex<Option<Arc<Runtime>>>,
}

/// One engine with the places of its pool and the host's side of every world.
pub(crate) struct Runtime {
    engine: Engine,
    addresses: Addresses,
    /// Free places of the pool.
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

impl Runtime {
    fn start(
        config: &HostConfig,
        kind: EngineKind,
        addresses: Addresses,
    ) -> Result<Self, PluginError> {
        let pool = pool(config, kind);
        let (engine, addresses) = match Engine::new(&engine_config(addresses, Some(pool))) {
            Ok(engine) => (engine, addresses),
            Err(error) => {
                // The pool reserves much address space, which some machines forbid.
                tracing::warn!(target: "plugin", %error, ?kind, "no instance pool: plugins run slower");
                // Both engines run the same machine code: the first one decides.
                let addresses = match kind {
                    EngineKind::Rust => Addresses::Scarce,
                    EngineKind::Script => addresses,
                };
                let engine = Engine::new(&engine_config(addresses, None)).map_err(host_error)?;
                (engine, addresses)
            }
        };
        let mut linker = Linker::new(&engine);
        Everything::add_to_linker::<Context, HasSelf<Context>>(&mut linker, |c| c)
            .map_err(host_error)?;
        start_ticker(&engine)?;
        Ok(Self {
            engine,
            addresses,
            slots: Arc::new(Semaphore::new(instances(config, kind) as usize)),
            linker,
        })
    }

    /// Imports and exports against the contract.
    fn pre(
        &self,
        component: &Component,
        inspection: &Inspection,
    ) -> wasmtime::Result<(BasePartPre<Context>, Pre)> {
        let pre = self.linker.instantiate_pre(component)?;
        let base = BasePartPre::new(pre.clone())?;
        let pre = match inspection.role {
            Role::Classifier => Pre::Classifier(ClassifierPartPre::new(pre)?),
            Role::KnowledgeBase => Pre::Knowledge(KnowledgePartPre::new(pre)?),
            Role::Notifier => Pre::Notifier(NotifyPartPre::new(pre)?),
            Role::Connector => Pre::Connector(ConnectorPre {
                pull: inspection
                    .exports("puller")
                    .then(|| PullPartPre::new(pre.clone()))
                    .transpose()?,
                push: inspection
                    .exports("webhook")
                    .then(|| PushPartPre::new(pre.clone()))
                    .transpose()?,
                ack: inspection
                    .exports("acker")
                    .then(|| AckPartPre::new(pre.clone()))
                    .transpose()?,
            }),
        };
        Ok((base, pre))
    }
}

impl Host {
    /// Starts the engine for compiled languages and its clock thread, which ends with the last
    /// clone of the host.
    ///
    /// # Errors
    /// [`PluginError::Host`] when the engine or its thread cannot start.
    pub fn new(config: HostConfig) -> Result<Self, PluginError> {
        let rust = Runtime::start(&config, EngineKind::Rust, Addresses::Ample)?;
        let compiling = Compiling::new(&config, rust.addresses, &rust.engine);
        Ok(Self {
            inner: Arc::new(Inner {
                rates: Arc::new(Rates::new(config.http_per_second)),
                config: Arc::new(config),
                compiling,
                rust: Arc::new(rust),
                script: Mutex::new(None),
            }),
        })
    }

    /// Inspects, compiles and tries a component: it is instantiated once without any power, which
    /// is where half of all mismatches with the contract show. Parsing and compiling happen where
    /// [`HostConfig::compiler`] says, and not at all when [`HostConfig::cache`] has the result.
    ///
    /// # Errors
    /// What [`Host::inspect`] finds, [`PluginError::Malformed`] when it does not compile,
    /// [`PluginError::CompileTimedOut`], [`PluginError::CompileOutOfMemory`] and
    /// [`PluginError::CompilerCrashed`] when the compiler met its limits,
    /// [`PluginError::Contract`] when its types differ, and what a guest's start can do wrong.
    pub async fn compile(&self, bytes: Vec<u8>) -> Result<Compiled, PluginError> {
        if bytes.len() > MAX_COMPONENT_BYTES {
            return Err(PluginError::TooLarge {
                size: bytes.len(),
                limit: MAX_COMPONENT_BYTES,
            });
        }
        let bytes = Arc::new(bytes);
        let compiling = &self.inner.compiling;
        let kept = compiling.cached(&bytes).await?;
        let unknown = kept.is_none();
        let (inspection, runtime, component) = match kept.and_then(|kept| self.load(kept).ok()) {
            Some(loaded) => loaded,
            // Code of the cache that does not load is made again.
            None => self.load(compiling.made(bytes, unknown).await?)?,
        };
        let (base, pre) =
            runtime
                .pre(&component, &inspection)
                .map_err(|e| PluginError::Contract {
                    detail: format!("{e:#}"),
                })?;
        let limits = CallLimits::new(
            &self.inner.config,
            inspection.engine,
            &inspection.manifest.limits,
        );
        let compiled = Compiled {
            host: self.clone(),
            inner: Arc::new(CompiledInner {
                manifest: Arc::new(inspection.manifest.clone()),
                inspection,
                runtime,
                base,
                pre,
                limits,
            }),
        };
        compiled.dry_run().await?;
        Ok(compiled)
    }

    fn load(
        &self,
        artifact: Artifact,
    ) -> Result<(Inspection, Arc<Runtime>, Component), PluginError> {
        let runtime = self.runtime(artifact.inspection.engine)?;
        // Our own code does not load where the component has more or larger parts than the pool's
        // places.
        let component = artifact
            .code
            .load(&runtime.engine)
            .map_err(|e| PluginError::Contract {
                detail: format!("{e:#}"),
            })?;
        Ok((artifact.inspection, runtime, component))
    }

    fn runtime(&self, kind: EngineKind) -> Result<Arc<Runtime>, PluginError> {
        if kind == EngineKind::Rust {
            return Ok(Arc::clone(&self.inner.rust));
        }
        // Held while it starts, so that two callers start one.
        let mut script = self
            .inner
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*script {
            return Ok(Arc::clone(runtime));
        }
        let runtime = Arc::new(Runtime::start(
            &self.inner.config,
            kind,
            self.inner.rust.addresses,
        )?);
        *script = Some(Arc::clone(&runtime));
        Ok(runtime)
    }
}

/// A component ready to run. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    pub(crate) host: Host,
    pub(crate) inner: Arc<CompiledInner>,
}

pub(crate) struct CompiledInner {
    pub(crate) inspection: Inspection,
    runtime: Arc<Runtime>,
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
            &self.inner.runtime.engine,
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

    /// A place for one instance, so that the pool is never exhausted.
    pub(crate) async fn slot(&self) -> Result<OwnedSemaphorePermit, PluginError> {
        let acquired = timeout(
            self.host.inner.config.wall,
            Arc::clone(&self.inner.runtime.slots).acquire_owned(),
        )
        .await;
        match acquired {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(PluginError::Host {
                detail: "no instance became free in time".to_owned(),
            }),
        }
    }

    async fn dry_run(&self) -> Result<(), PluginError> {
        let _slot = self.slot().await?;
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

/// How much address space an engine may reserve. Part of what machine code is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// 4 GiB a memory: it is what makes bounds checks free.
    Ample,
    /// 64 MiB a memory, where the machine forbids more.
    Scarce,
}

/// An engine for machine code of `addresses`; without a pool it can compile and not run much.
pub(crate) fn engine_config(addresses: Addresses, pool: Option<PoolingAllocationConfig>) -> Config {
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
    if addresses == Addresses::Scarce {
        engine.memory_reservation(64 << 20);
    }
    engine.allocation_strategy(match pool {
        Some(pool) => InstanceAllocationStrategy::Pooling(pool),
        None => InstanceAllocationStrategy::OnDemand,
    });
    engine
}

/// Instances alive at the same time.
const fn instances(config: &HostConfig, kind: EngineKind) -> u32 {
    match kind {
        EngineKind::Rust => config.max_instances,
        EngineKind::Script => config.max_script_instances,
    }
}

fn pool(config: &HostConfig, kind: EngineKind) -> PoolingAllocationConfig {
    let instances = instances(config, kind);
    // A Python component has 38 core instances; its largest has a context of megabytes.
    let (core_instances, tables, instance_size) = match kind {
        EngineKind::Rust => (RUST_CORE_INSTANCES, RUST_TABLES, 1 << 20),
        EngineKind::Script => (64, 16, 16 << 20),
    };
    // Keeping pages saves system calls only where the kernel can say which ones were used.
    let resident = if PoolingAllocationConfig::is_pagemap_scan_available() {
        2 << 20
    } else {
        256 << 10
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * core_instances)
        .total_memories(instances)
        .total_tables(instances * tables)
        .total_stacks(instances)
        .max_core_instances_per_component(core_instances)
        .max_memories_per_component(1)
        .max_tables_per_component(tables)
        .max_component_instance_size(instance_size)
        .max_core_instance_size(instance_size)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(config.memory_of(kind))
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

pub(crate) fn host_error(error: wasmtime::Error) -> PluginError {
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
        for kind in [EngineKind::Rust, EngineKind::Script] {
            let pool = Some(pool(&config, kind));
            assert!(Engine::new(&engine_config(Addresses::Ample, pool)).is_ok());
        }
        assert!(Engine::new(&engine_config(Addresses::Scarce, None)).is_ok());
    }

    #[tokio::test]
    async fn the_ticker_does_not_keep_the_engine_alive() {
        let host = Host::new(HostConfig::default()).unwrap();
        let weak = host.inner.rust.engine.weak();
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
