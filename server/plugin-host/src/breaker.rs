//! When to leave a failing plugin alone: one breaker for each installation and operation. Pure: the
//! caller brings the time and the randomness, and keeps the state.

use serde::{Deserialize, Serialize};

use crate::PluginError;
use crate::shapes::FailureClass;

/// Faults in a row that open.
const IN_A_ROW: u32 = 5;
/// Calls looked back on; more than half of them faulty opens.
const WINDOW: usize = 20;
/// First rest, doubled with every further one.
const FIRST_REST_MS: i64 = 30_000;
/// Longest rest.
const LONGEST_REST_MS: i64 = 3_600_000;
/// A trial call whose end is never reported (a crash) frees its place after this.
const TRIAL_MS: i64 = 300_000;
/// Time within which faults of several installations count together.
const TOGETHER_MS: i64 = 600_000;

/// What an outcome says about the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answered, or failed for reasons that are not its own (network, settings, input).
    Sound,
    /// Trap, time-out, limit, invalid answer, or its own word for a bug.
    Faulty,
}

impl Verdict {
    /// Of a call's result.
    #[must_use]
    pub fn of<T>(result: &Result<T, PluginError>) -> Self {
        match result {
            Err(PluginError::Failed(failure)) if failure.class == FailureClass::Internal => {
                Self::Faulty
            }
            Err(error) if error.is_fault_of_plugin() => Self::Faulty,
            _ => Self::Sound,
        }
    }
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Calls go through.
    Closed,
    /// No calls until then.
    Open {
        /// Unix milliseconds.
        until_ms: i64,
    },
    /// One trial call is under way.
    HalfOpen {
        /// Unix milliseconds.
        since_ms: i64,
    },
    /// No calls until a person, or a rollback, frees it.
    Quarantined,
}

/// Whether to call now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Call,
    /// Yes, and only this once: the result decides. Must be kept (the state has changed) before the
    /// call starts, so that only one of several servers tries.
    Trial,
    /// Not before then.
    Wait {
        /// Unix milliseconds.
        until_ms: i64,
    },
    /// Not at all.
    Quarantined,
}

/// A breaker. Keep it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    state: State,
    /// Faults since the last sound call.
    in_a_row: u32,
    /// Latest calls, newest last; true is faulty.
    window: Vec<bool>,
    /// Rests since the last sound trial.
    rests: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed,
            in_a_row: 0,
            window: Vec::new(),
            rests: 0,
        }
    }
}

impl Breaker {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Rests since the last sound trial.
    #[must_use]
    pub const fn rests(&self) -> u32 {
        self.rests
    }

    /// Asks for a call. Changes the state when it allows a trial.
    pub fn ask(&mut self, now_ms: i64) -> Permit {
        match self.state {
            State::Closed => Permit::Call,
            State::Quarantined => Permit::Quarantined,
            State::Open { until_ms } if now_ms < until_ms => Permit::Wait { until_ms },
            State::HalfOpen { since_ms } if now_ms < since_ms.saturating_add(TRIAL_MS) => {
                Permit::Wait {
                    until_ms: since_ms.saturating_add(TRIAL_MS),
                }
            }
            State::Open { .. } | State::HalfOpen { .. } => {
                self.state = State::HalfOpen { since_ms: now_ms };
                Permit::Trial
            }
        }
    }

    /// Learns how a call ended. `jitter`, 0.0 to 1.0, spreads the rests of many breakers. True when it
    /// opened now.
    pub fn learn(&mut self, verdict: Verdict, now_ms: i64, jitter: f64) -> bool {
        let trial = match self.state {
            State::Quarantined => return false,
            // A call that began before it opened says nothing new.
            State::Open { .. } => return false,
            State::HalfOpen { .. } => true,
            State::Closed => false,
        };
        match verdict {
            Verdict::Sound => {
                if trial {
                    *self = Self::default();
                } else {
                    self.in_a_row = 0;
                    self.remember(false);
                }
                false
            }
            Verdict::Faulty => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                self.remember(true);
                let faults = self.window.iter().filter(|f| **f).count();
                let often = self.window.len() == WINDOW && faults * 2 > WINDOW;
                if !(trial || self.in_a_row >= IN_A_ROW || often) {
                    return false;
                }
                let rest = FIRST_REST_MS
                    .saturating_mul(1_i64 << self.rests.min(20))
                    .min(LONGEST_REST_MS);
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "at most an hour in milliseconds"
                )]
                let spread = (rest as f64 * 0.2 * jitter.clamp(0.0, 1.0)) as i64;
                self.state = State::Open {
                    until_ms: now_ms.saturating_add(rest - spread),
                };
                self.rests = self.rests.saturating_add(1);
                self.in_a_row = 0;
                self.window.clear();
                true
            }
        }
    }

    fn remember(&mut self, faulty: bool) {
        if self.window.len() == WINDOW {
            self.window.remove(0);
        }
        self.window.push(faulty);
    }

    /// No calls any more.
    pub fn quarantine(&mut self) {
        self.state = State::Quarantined;
    }

    /// Starts anew: after a person's decision, or with another version.
    pub fn release(&mut self) {
        *self = Self::default();
    }
}

/// Whether a fault is the version's and not one installation's: more than 30 % of its installations
/// opened within ten minutes. Then the previous version comes back, or the plugin is quarantined.
#[must_use]
pub fn is_widespread(opened_at_ms: &[i64], installations: usize, now_ms: i64) -> bool {
    let lately = opened_at_ms
        .iter()
        .filter(|at| now_ms.saturating_sub(**at) <= TOGETHER_MS)
        .count();
    lately * 10 > installations * 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Failure;

    fn fail_with(breaker: &mut Breaker, times: usize, now: i64, jitter: f64) -> bool {
        (0..times).fold(false, |_, _| breaker.learn(Verdict::Faulty, now, jitter))
    }

    fn fail(breaker: &mut Breaker, times: usize, now: i64) -> bool {
        fail_with(breaker, times, now, 0.0)
    }

    #[test]
    fn five_faults_in_a_row_open_and_rests_grow() {
        let mut breaker = Breaker::default();
        assert!(!fail(&mut breaker, 4, 0));
        assert!(!breaker.learn(Verdict::Sound, 0, 0.0));
        assert!(!fail(&mut breaker, 4, 0));
        assert_eq!(breaker.ask(0), Permit::Call);
        assert!(fail(&mut breaker, 1, 0));
        let mut now = 0;
        for rest in [
            30_000, 60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000, 3_600_000,
        ] {
            assert_eq!(
                breaker.state(),
                State::Open {
                    until_ms: now + rest
                }
            );
            assert_eq!(
                breaker.ask(now + rest - 1),
                Permit::Wait {
                    until_ms: now + rest
                }
            );
            now += rest;
            assert_eq!(breaker.ask(now), Permit::Trial);
            assert!(
                matches!(breaker.ask(now), Permit::Wait { .. }),
                "one trial at a time"
            );
            assert!(breaker.learn(Verdict::Faulty, now, 0.0));
        }
        now += 3_600_000;
        assert_eq!(breaker.ask(now), Permit::Trial);
        breaker.learn(Verdict::Sound, now, 0.0);
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn more_than_half_of_twenty_open() {
        let mut breaker = Breaker::default();
        for call in 0..19 {
            let verdict = if call % 2 == 0 {
                Verdict::Faulty
            } else {
                Verdict::Sound
            };
            assert!(!breaker.learn(verdict, 0, 0.0), "{call}");
        }
        // Ten of nineteen so far: the twentieth decides.
        let mut sound = breaker.clone();
        assert!(!sound.learn(Verdict::Sound, 0, 0.0));
        assert!(breaker.learn(Verdict::Faulty, 0, 0.0));
    }

    #[test]
    fn a_lost_trial_frees_its_place_and_state_survives_as_json() {
        let mut breaker = Breaker::default();
        fail(&mut breaker, 5, 0);
        assert_eq!(breaker.ask(30_000), Permit::Trial);
        let kept = serde_json::to_string(&breaker).unwrap();
        let mut breaker: Breaker = serde_json::from_str(&kept).unwrap();
        assert_eq!(
            breaker.ask(30_000 + TRIAL_MS - 1),
            Permit::Wait {
                until_ms: 30_000 + TRIAL_MS
            }
        );
        assert_eq!(breaker.ask(30_000 + TRIAL_MS), Permit::Trial);
    }

    #[test]
    fn quarantine_holds_until_it_is_released() {
        let mut breaker = Breaker::default();
        breaker.quarantine();
        assert_eq!(breaker.ask(i64::MAX), Permit::Quarantined);
        assert!(!breaker.learn(Verdict::Sound, 0, 0.0));
        assert_eq!(breaker.ask(i64::MAX), Permit::Quarantined);
        breaker.release();
        assert_eq!(breaker.ask(0), Permit::Call);
    }

    #[test]
    fn jitter_only_shortens() {
        for (jitter, until_ms) in [(0.0, 30_000), (1.0, 24_000), (9.0, 24_000)] {
            let mut breaker = Breaker::default();
            fail_with(&mut breaker, 5, 0, jitter);
            assert_eq!(breaker.state(), State::Open { until_ms });
        }
    }

    #[test]
    fn only_the_plugins_own_faults_count() {
        let failed = |class| {
            Err::<(), _>(PluginError::Failed(Failure {
                class,
                code: String::new(),
                message: String::new(),
                retry_after_ms: None,
                attributes: vec![],
            }))
        };
        use FailureClass as C;
        for class in [
            C::Config,
            C::RateLimited,
            C::Transient,
            C::InvalidInput,
            C::CursorExpired,
        ] {
            assert_eq!(Verdict::of(&failed(class)), Verdict::Sound);
        }
        assert_eq!(Verdict::of(&failed(C::Internal)), Verdict::Faulty);
        let error = |e| Verdict::of(&Err::<(), _>(e));
        assert_eq!(
            error(PluginError::OutOfMemory { limit: 1 }),
            Verdict::Faulty
        );
        assert_eq!(
            error(PluginError::Trapped {
                message: String::new()
            }),
            Verdict::Faulty
        );
        assert_eq!(
            error(PluginError::Host {
                detail: String::new()
            }),
            Verdict::Sound
        );
        assert_eq!(Verdict::of(&Ok(())), Verdict::Sound);
    }

    #[test]
    fn a_fault_of_many_installations_is_the_versions() {
        assert!(!is_widespread(&[0, 0, 0], 10, 0));
        assert!(is_widespread(&[0, 0, 0, 0], 10, 0));
        assert!(!is_widespread(&[0, 0, 0, 0], 10, 600_001));
        assert!(!is_widespread(&[], 0, 0));
    }
}
