//! The state of the stand-in and the handle that tests hold.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::files::MemoryFiles;
use super::mailbox::Mailbox;
use super::replay::{Asked, Replay};
use crate::bindings::powers::bihuan::plugin::http::{HttpError, Method, Response};
use crate::host::Level;
use crate::host::http::Request;
use crate::{Failure, FileError};

/// Everything that the stand-in knows.
#[derive(Debug, Default)]
pub struct World {
    pub(crate) settings: Value,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) now: i64,
    pub(crate) seed: u64,
    /// Value and when it is forgotten.
    pub(crate) state: BTreeMap<String, (Vec<u8>, Option<i64>)>,
    pub(crate) replay: Replay,
    pub(crate) mailbox: Option<Mailbox>,
    pub(crate) files: Option<Rc<MemoryFiles>>,
    pub(crate) logs: Vec<(Level, String)>,
    pub(crate) metrics: BTreeMap<String, u64>,
    pub(crate) observed: Vec<(String, f64)>,
}

impl World {
    pub(crate) fn remembered(&self, key: &str) -> Option<Vec<u8>> {
        let (value, until) = self.state.get(key)?;
        until.is_none_or(|u| u > self.now).then(|| value.clone())
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Result<Response, HttpError> {
        let method = match request.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
        };
        let mut headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .map(|h| (h.name.as_str(), h.value.as_str()))
            .collect();
        if let Some(key) = &request.idempotency_key {
            headers.push(("idempotency-key", key));
        }
        self.replay
            .take(Asked {
                method,
                url: &request.url,
                headers: &headers,
                body: request.body.as_deref(),
                credentials: Some(&request.credentials),
            })
            .ok_or_else(|| {
                HttpError::Denied(format!("nothing is recorded for {method} {}", request.url))
            })?
            .answer(&request.url)
    }
}

std::thread_local! {
    /// The stand-in that this thread's plugin talks to.
    static CURRENT: RefCell<Option<Rc<RefCell<World>>>> = const { RefCell::new(None) };
}

/// Asks the current stand-in; `None` when there is none.
pub(crate) fn with<T>(ask: impl FnOnce(&mut World) -> T) -> Option<T> {
    let world = CURRENT.with(|current| current.borrow().clone())?;
    let answer = ask(&mut world.borrow_mut());
    Some(answer)
}

/// Asks the folder of the current stand-in.
pub(crate) fn granted_folder<T>(
    ask: impl FnOnce(&MemoryFiles) -> Result<T, FileError>,
) -> Result<T, FileError> {
    match with(|world| world.files.clone()).flatten() {
        Some(files) => ask(&files),
        None => Err(FileError::Denied("no folder is granted".to_owned())),
    }
}

/// The stand-in for the host. What runs inside of [`Host::run`] finds it behind every function of
/// [`crate::host`]. Time stands still, random bytes are the same in every run.
///
/// When it goes out of scope it fails the test if recorded exchanges were not used or requests were
/// made that nobody recorded; [`Host::finish`] says so where you want it.
#[derive(Debug)]
pub struct Host {
    world: Rc<RefCell<World>>,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// Nothing is granted, the settings are `{}`, it is 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        let world = World {
            settings: Value::Object(serde_json::Map::new()),
            now: 1_767_225_600_000,
            seed: 0x9e37_79b9_7f4a_7c15,
            ..World::default()
        };
        Self {
            world: Rc::new(RefCell::new(world)),
        }
    }

    fn with(self, change: impl FnOnce(&mut World)) -> Self {
        change(&mut self.world.borrow_mut());
        self
    }

    /// The settings of the installation.
    #[must_use]
    pub fn settings(self, settings: Value) -> Self {
        self.with(|w| w.settings = settings)
    }

    /// A secret that is granted and filled in.
    #[must_use]
    pub fn secret(self, name: &str, value: &str) -> Self {
        self.with(|w| {
            w.secrets.insert(name.to_owned(), value.to_owned());
        })
    }

    /// The time, as RFC 3339.
    ///
    /// # Panics
    /// When it is no time.
    #[must_use]
    pub fn now(self, at: &str) -> Self {
        match crate::time::from_rfc3339(at) {
            Some(now) => self.with(|w| w.now = now),
            None => panic!("{at} is no time"),
        }
    }

    /// Lets time pass.
    pub fn pass(&self, ms: i64) {
        self.world.borrow_mut().now += ms;
    }

    /// What the network answers.
    #[must_use]
    pub fn replay(self, replay: Replay) -> Self {
        self.with(|w| w.replay = replay)
    }

    /// Another recording, for the next step of a test. The one before must be used up.
    ///
    /// # Panics
    /// When it is not.
    pub fn next_replay(&self, replay: Replay) {
        let before = std::mem::replace(&mut self.world.borrow_mut().replay, replay);
        let problems = before.problems();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// A mailbox.
    #[must_use]
    pub fn mailbox(self, mailbox: Mailbox) -> Self {
        self.with(|w| w.mailbox = Some(mailbox))
    }

    /// Changes the mailbox between calls.
    pub fn change_mailbox(&self, change: impl FnOnce(&mut Mailbox)) {
        change(self.world.borrow_mut().mailbox.get_or_insert_default());
    }

    /// A granted folder.
    #[must_use]
    pub fn files(self, files: Rc<MemoryFiles>) -> Self {
        self.with(|w| w.files = Some(files))
    }

    /// One call of the plugin: what it wrote into its state is kept when it succeeds and dropped
    /// when it fails, as the real host does.
    ///
    /// # Errors
    /// What the call answers.
    pub fn run<T>(&self, call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let before = self.world.borrow().state.clone();
        let outer = CURRENT.with(|c| c.borrow_mut().replace(self.world.clone()));
        // Also when the plugin panics: the next test of this thread must not meet our world.
        let restore = Restore(outer);
        let answer = call();
        drop(restore);
        if answer.is_err() {
            self.world.borrow_mut().state = before;
        }
        answer
    }

    /// A value of the plugin's state, read as JSON.
    #[must_use]
    pub fn state(&self, key: &str) -> Option<Value> {
        let bytes = self.world.borrow().remembered(key)?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Lines that the plugin logged so far.
    #[must_use]
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.world.borrow().logs.clone()
    }

    /// A counter of the plugin's.
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        self.world.borrow().metrics.get(name).copied().unwrap_or(0)
    }

    /// Uids that the plugin marked as read.
    #[must_use]
    pub fn seen(&self, folder: &str) -> Vec<u32> {
        let world = self.world.borrow();
        let folder = world.mailbox.as_ref().and_then(|m| m.folders.get(folder));
        folder.map_or_else(Vec::new, |f| f.seen.iter().copied().collect())
    }

    /// Fails the test when the network was used otherwise than recorded.
    pub fn finish(self) {
        drop(self);
    }
}

/// Puts the stand-in of before back.
struct Restore(Option<Rc<RefCell<World>>>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.with(|c| *c.borrow_mut() = self.0.take());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let problems = self.world.borrow().replay.problems();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{http, state};
    use serde_json::json;

    fn recorded() -> Replay {
        Replay::json(json!([{
            "request": {"method": "POST", "url": "https://a.b/c", "body": {"json": {"x": 1}},
                        "headers": {"X-A": "1"}, "credentials": [{"json": ["key", "s"]}]},
            "response": {"status": 201, "json": {"y": 2}}
        }]))
    }

    fn ask(x: u8) -> Result<Value, Failure> {
        http::post_json("https://a.b/c", &json!({"x": x}))
            .header("x-a", "1")
            .credential(http::Credential::Json("key".to_owned(), "s".to_owned()))
            .json()
    }

    #[test]
    fn a_recording_answers_what_it_was_recorded_for() {
        let host = Host::new().secret("s", "x").replay(recorded());
        assert_eq!(host.run(|| ask(1)), Ok(json!({"y": 2})));
        host.finish();
    }

    #[test]
    #[should_panic(expected = "was never asked: POST https://a.b/c")]
    fn an_unused_exchange_is_a_failure() {
        Host::new().secret("s", "x").replay(recorded()).finish();
    }

    #[test]
    #[should_panic(expected = "was not expected: POST https://a.b/c")]
    fn another_body_is_a_failure_even_when_the_plugin_goes_on() {
        let host = Host::new().secret("s", "x").replay(recorded());
        let answer = host.run(|| ask(2));
        assert_eq!(answer.unwrap_err().code, "http.denied");
        host.finish();
    }

    #[test]
    fn state_of_a_failed_call_is_dropped() {
        let host = Host::new();
        let failed: Result<(), Failure> = host.run(|| {
            state::set("a", &1)?;
            assert_eq!(state::get::<u8>("a")?, Some(1), "reads see own writes");
            Err(crate::failure::transient("t", "t"))
        });
        assert!(failed.is_err());
        assert_eq!(host.state("a"), None);
        host.run(|| {
            state::set_for("a", &1, 1000)?;
            state::set("b", "x")
        })
        .unwrap();
        assert_eq!(host.state("a"), Some(json!(1)));
        assert_eq!(host.run(|| state::keys("", Some("a"), 9)).unwrap(), ["b"]);
        host.pass(1000);
        assert_eq!(host.state("a"), None, "forgotten after its time");
    }

    #[test]
    fn without_a_host_every_power_is_denied() {
        assert_eq!(
            http::get("https://a.b").send().unwrap_err().code,
            "http.denied"
        );
        assert_eq!(state::get::<u8>("a").unwrap_err().code, "state.unavailable");
        assert_eq!(
            crate::host::imap::examine("INBOX").unwrap_err().code,
            "imap.denied"
        );
    }
}
