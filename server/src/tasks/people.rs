//! Who is who: people of departments, accounts, who is away, and when each of them works.

use crate::app::App;
use domain::calendar::{Calendar, Days};
use domain::clock::Timestamp;
use domain::identity::Role;
use domain::mail::schedule::Preference;
use domain::organisation::{Department, Locale, Organisation, Owner};
use domain::tasks::Task;
use domain::tasks::absence::{self, Absence, Present};
use std::collections::BTreeMap;
use storage::access::Account;
use storage::{DbError, Read};

/// Most absences that are looked at; more people are not away at once.
pub(super) const MOST_ABSENCES: u64 = 10_000;

/// Everybody who can be asked or told.
pub(super) struct People {
    pub(super) organisation: Organisation,
    departments: Vec<Department>,
    accounts: Vec<Account>,
    absences: Vec<Absence>,
    wishes: BTreeMap<String, Preference>,
    now: Timestamp,
}

impl People {
    pub(super) async fn read(app: &App, db: &impl Read) -> Result<Self, DbError> {
        let now = app.now();
        Ok(Self {
            organisation: storage::organisation::organisation(db).await?,
            departments: storage::organisation::all(db).await?,
            accounts: storage::access::accounts(db).await?,
            absences: storage::escalation::absences(db, now, MOST_ABSENCES).await?,
            wishes: storage::notify::people(db).await?,
            now,
        })
    }

    pub(super) fn department(&self, key: &str) -> Option<&Department> {
        self.departments.iter().find(|d| d.key == key)
    }

    /// What is known of the person of an address.
    pub(super) fn person(&self, email: &str) -> Owner {
        let email = email.to_lowercase();
        let known = self
            .departments
            .iter()
            .flat_map(|d| &d.owners)
            .find(|o| o.email == email);
        if let Some(owner) = known {
            return self.as_wished(owner.clone());
        }
        let account = self.accounts.iter().find(|a| a.email == email);
        let owner = Owner {
            name: account.map(|a| a.name.clone()).unwrap_or_default(),
            language: match account.map(|a| a.language.as_str()) {
                Some("en") => Locale::En,
                Some(_) => Locale::ZhCn,
                None => self.organisation.locale,
            },
            time_zone: self.organisation.zone,
            email,
        };
        self.as_wished(owner)
    }

    /// An owner in the language and on the clock that they asked for.
    pub(super) fn as_wished(&self, mut owner: Owner) -> Owner {
        if let Some(wish) = self.wishes.get(&owner.email) {
            wish.apply(&mut owner.language, &mut owner.time_zone);
        }
        owner
    }

    /// Who is there now for somebody of a department; `None`: nobody.
    pub(super) fn present(&self, email: &str, department: &str) -> Option<Present> {
        absence::present(email, self.department(department), self.now, &self.absences)
    }

    /// The person, or the end of the chain of substitutes.
    pub(super) fn there(&self, email: &str) -> Option<Owner> {
        absence::substitute(&email.to_lowercase(), self.now, &self.absences)
            .map(|found| self.person(&found))
    }

    /// Who runs the loop for a task: who assigned it, else a VoC owner, else an administrator.
    pub(super) fn voc_owner(&self, task: &Task) -> Option<Owner> {
        let own = task.assigned_by.email.as_deref();
        let by_role = |role: Role| {
            self.accounts
                .iter()
                .filter(move |a| a.role == role && !a.disabled)
                .map(|a| a.email.as_str())
        };
        own.into_iter()
            .chain(by_role(Role::VocOwner))
            .chain(by_role(Role::Admin))
            .find_map(|email| self.there(email))
    }
}

/// The days of a calendar in the zones of several people.
pub(super) struct Clocks {
    calendar: Calendar,
    by_zone: BTreeMap<&'static str, Days>,
}

impl Clocks {
    pub(super) fn new(calendar: Calendar, people: impl IntoIterator<Item = chrono_tz::Tz>) -> Self {
        let mut clocks = Self {
            calendar,
            by_zone: BTreeMap::new(),
        };
        for zone in people {
            let days = || {
                Days::of(&Calendar {
                    zone,
                    ..clocks.calendar.clone()
                })
            };
            clocks.by_zone.entry(zone.name()).or_insert_with(days);
        }
        clocks
    }

    /// When somebody of that zone works, if it was named before.
    pub(super) fn of(&self, zone: chrono_tz::Tz) -> Option<&Days> {
        self.by_zone.get(zone.name())
    }
}
