//! The frame around every call into a guest: budgets before, the right error after.

use std::time::Duration;

use tokio::time::error::Elapsed;
use wasmtime::{Store, Trap, WasmBacktrace};

use crate::bindings::host::types::Failure as WitFailure;
use crate::context::{Context, Mode, clean};
use crate::engine::{HANDLES, TICK};
use crate::shapes::{Answer, Failure};
use crate::{Limit, PluginError};

/// Resets the budgets; answers the wall-clock limit to wait with.
pub(crate) fn begin(store: &mut Store<Context>, operation: &'static str, mode: Mode) -> Duration {
    let limits = store.data().limits();
    let ticks = limits.cpu.as_millis().div_ceil(TICK.as_millis());
    let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
    store.data_mut().begin(ticks, operation, mode);
    store.set_epoch_deadline(1);
    limits.wall
}

/// The guest's answer with everything that belongs to it; tells the operator how the call ended. A
/// refusal because of a missing grant becomes [`PluginError::Denied`], which says what to grant.
/// After an error of the host's the store must be dropped.
pub(crate) fn settle<T>(
    store: &mut Store<Context>,
    done: Result<wasmtime::Result<Result<T, WitFailure>>, Elapsed>,
) -> Result<Answer<T>, PluginError> {
    let answer = finish(store, done).and_then(|answer| {
        answer.map_err(|failure| store.data_mut().refusal(Failure::from(failure)))
    });
    let context = store.data_mut();
    let used = context.record(answer.as_ref().err());
    let value = answer?;
    Ok(Answer {
        value,
        staged: context.take_staged(),
        used,
    })
}

/// Reports a call that never reached the guest's function.
pub(crate) fn failed(store: &mut Store<Context>, error: PluginError) -> PluginError {
    store.data_mut().record(Some(&error));
    error
}

/// What a call led to. After an error the store must be dropped.
pub(crate) fn finish<T>(
    store: &mut Store<Context>,
    done: Result<wasmtime::Result<T>, Elapsed>,
) -> Result<T, PluginError> {
    store.data_mut().end();
    match done {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(explain(store.data(), &error)),
        Err(Elapsed { .. }) => Err(PluginError::TimedOut {
            limit: Limit::WallClock,
            after: store.data().limits().wall,
        }),
    }
}

/// As [`finish`]; an error that is no trap means that the types do not fit.
pub(crate) fn finish_instantiation<T>(
    store: &mut Store<Context>,
    done: Result<wasmtime::Result<T>, Elapsed>,
) -> Result<T, PluginError> {
    if let Ok(Err(error)) = &done
        && error.downcast_ref::<Trap>().is_none()
    {
        if store.data().memory.refused {
            return Err(PluginError::OutOfMemory {
                limit: store.data().limits().memory_bytes,
            });
        }
        if let Some(limit) = limit_by_text(store.data(), error) {
            store.data_mut().end();
            return Err(limit);
        }
        return Err(PluginError::Contract {
            detail: clean(&format!("{error:#}")),
        });
    }
    finish(store, done)
}

/// The only sign of these limits is their text; tests hold on to it.
fn limit_by_text(context: &Context, error: &wasmtime::Error) -> Option<PluginError> {
    let text = error.root_cause().to_string();
    if text.contains("too much data") {
        return Some(PluginError::TooMuchData {
            limit: context.limits().crossing_bytes,
        });
    }
    text.contains("handle limit exceeded")
        .then_some(PluginError::TooManyHandles { limit: HANDLES })
}

fn explain(context: &Context, error: &wasmtime::Error) -> PluginError {
    let limits = context.limits();
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return limit_by_text(context, error).unwrap_or_else(|| PluginError::Trapped {
            message: clean(&format!("{:#}", error.root_cause())),
        });
    };
    if *trap == Trap::Interrupt {
        return PluginError::TimedOut {
            limit: Limit::Cpu,
            after: limits.cpu,
        };
    }
    if let Some(panic) = &context.call.panic {
        return PluginError::Trapped {
            message: panic.clone(),
        };
    }
    // A Rust guest without memory aborts without a word.
    if context.memory.refused {
        return PluginError::OutOfMemory {
            limit: limits.memory_bytes,
        };
    }
    let place = error
        .downcast_ref::<WasmBacktrace>()
        .and_then(|trace| trace.frames().iter().find_map(|f| f.func_name()))
        .map(|name| format!(" in {name}"))
        .unwrap_or_default();
    PluginError::Trapped {
        message: clean(&format!("{trap}{place}")),
    }
}
