//! Senders who wait for the answer to their request. A request is worked off by whoever takes it first: the task
//! of the sender who waits, or the worker who finds it in the inbox. Either way the sender gets the answer.

use super::connector::Answer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

type All = HashMap<String, oneshot::Sender<Option<Answer>>>;

/// Who waits, by the id of the request.
#[derive(Clone, Default)]
pub struct Waiting {
    all: Arc<Mutex<All>>,
}

/// A place in the queue; dropped, nobody waits any more.
pub struct Seat {
    waiting: Waiting,
    id: String,
    told: oneshot::Receiver<Option<Answer>>,
}

impl Waiting {
    fn all(&self) -> MutexGuard<'_, All> {
        // Nothing inside can panic half-way: a poisoned lock is still whole.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to wait. Before the request is kept: afterwards it may be worked off already.
    #[must_use]
    pub fn sit_down(&self, id: &str) -> Seat {
        let (tell, told) = oneshot::channel();
        self.all().insert(id.to_owned(), tell);
        Seat {
            waiting: self.clone(),
            id: id.to_owned(),
            told,
        }
    }

    /// Tells whoever waits what became of a request, once that is committed.
    pub fn tell(&self, id: &str, answer: Option<&Answer>) {
        if let Some(tell) = self.all().remove(id) {
            // The sender may have gone.
            let _ = tell.send(answer.cloned());
        }
    }
}

impl Seat {
    /// The answer, whoever gives it; `None`: the request is no handshake.
    pub async fn answer(&mut self) -> Option<Answer> {
        (&mut self.told).await.ok().flatten()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.waiting.all().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_works_it_off_the_sender_is_told() {
        let waiting = Waiting::default();
        let answer = Answer {
            status: 200,
            content_type: "text/plain".to_owned(),
            body: b"challenge".to_vec(),
        };
        let mut seat = waiting.sit_down("a");
        let other = waiting.sit_down("b");
        waiting.tell("a", Some(&answer));
        assert_eq!(seat.answer().await, Some(answer));
        drop(other);
        waiting.tell("b", None);
        assert!(waiting.all().is_empty());
    }
}
