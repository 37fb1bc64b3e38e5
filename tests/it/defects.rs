//! Defects of our dependencies, each shown, each with the cure that we rely on.
//!
//! A test here that fails after an update is good news as a rule: the defect is gone, and the cure, named
//! beside it, may go too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::America::New_York;
use chrono_tz::Asia::Shanghai;
use chrono_tz::Tz;
use cron::Schedule;
use lettre::message::header::HeaderName;
use lettre::message::{Mailbox, Message};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sea_orm::sqlx::{self, Connection as _, Executor as _};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, SqlxPostgresConnector, TransactionTrait as _,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

// ---------------------------------------------------------------------------------------------- lettre

/// A message whose sender calls itself `name`; `None` when lettre panics over it.
fn message_from(name: &str) -> Option<String> {
    let address = "owner@example.org".parse().expect("an address");
    let sender = Mailbox::new(Some(name.to_owned()), address);
    let built = catch_unwind(AssertUnwindSafe(|| {
        Message::builder()
            .from(sender)
            .to("voc@example.org".parse().expect("an address"))
            .subject("x")
            .body(String::new())
    }));
    let message = built.ok()?.expect("a message");
    Some(String::from_utf8(message.formatted()).expect("seven bits"))
}

/// lettre 0.11.23: a line break in a display name is a panic, so one person's name could stop the mail
/// worker for everybody. Our cure: names lose control characters before lettre sees them.
#[test]
fn a_line_break_in_a_name_panics_in_lettre() {
    for name in ["Mei\r\nBcc: all@example.org", "Mei\nLi", "Mei\rLi"] {
        assert_eq!(message_from(name), None, "{name:?}");
    }
    for name in ["李梅", "Mei \"Li\" <owner>", "Mei, Li"] {
        let text = message_from(name).expect("no panic");
        assert_eq!(text.matches("From: ").count(), 1, "{text}");
    }
}

/// Where lettre does not panic, it encodes: a subject cannot bring a header of its own.
#[test]
fn a_line_break_in_a_subject_adds_no_header() {
    let message = Message::builder()
        .from("voc@example.org".parse().expect("an address"))
        .to("owner@example.org".parse().expect("an address"))
        .subject("套餐\r\nBcc: all@example.org")
        .body(String::new())
        .expect("a message");
    let text = String::from_utf8(message.formatted()).expect("seven bits");
    assert!(!text.contains("\nBcc:"), "{text}");
}

/// lettre 0.11.23 takes a line break inside the *name* of a header. Our cure: those are constants.
#[test]
fn a_header_name_may_smuggle_a_line_break_through_lettre() {
    assert!(HeaderName::new_from_ascii("X-A\r\nBcc".to_owned()).is_ok());
}

// ------------------------------------------------------------------------------------------------ cron

fn schedule(expression: &str) -> Schedule {
    Schedule::from_str(expression).expect("an expression")
}

fn at<Z: TimeZone>(zone: Z, text: &str) -> DateTime<Z> {
    let naive = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time");
    naive
        .and_local_timezone(zone)
        .earliest()
        .expect("a time that exists")
}

/// The next `n` firings as one iterator gives them, in UTC.
fn firings(expression: &str, after: DateTime<Tz>, n: usize) -> Vec<String> {
    let schedule = schedule(expression);
    let times = schedule.after(&after).take(n);
    times.map(|time| in_utc(&time)).collect()
}

fn in_utc(time: &DateTime<Tz>) -> String {
    time.with_timezone(&Utc).format("%m-%d %H:%M").to_string()
}

/// cron 0.17 wants seconds first. Our cure: five fields get a `0` in front.
#[test]
fn cron_refuses_five_fields() {
    assert!(Schedule::from_str("30 2 * * *").is_err());
    assert!(Schedule::from_str("0 30 2 * * *").is_ok());
}

/// In cron 0.17 week days go from 1 = Sunday to 7 = Saturday; everywhere else 1 is Monday and 0 or 7
/// Sunday. Our cure: numbers become names before it sees them.
#[test]
fn cron_takes_week_day_one_for_sunday() {
    let saturday = at(Shanghai, "2026-01-03 12:00");
    assert_eq!(
        firings("0 0 9 * * 1", saturday, 1),
        ["01-04 01:00"],
        "a Sunday"
    );
    assert_eq!(firings("0 0 9 * * Mon", saturday, 1), ["01-05 01:00"]);
    assert_eq!(
        firings("0 0 9 * * 7", saturday, 1),
        ["01-10 01:00"],
        "a Saturday"
    );
    assert!(Schedule::from_str("0 0 9 * * 0").is_err());
}

/// With a day of the month and a week day cron 0.17 wants both, Vixie's cron either. Our cure: an
/// expression with both is refused as ambiguous.
#[test]
fn cron_wants_both_kinds_of_day() {
    let new_year = at(Shanghai, "2026-01-01 00:00");
    assert_eq!(
        firings("0 0 8 13 * Fri", new_year, 2),
        ["02-13 00:00", "03-13 00:00"]
    );
}

/// In the night that skips 02:30 a daily job of 02:30 does not run at all. Our cure: evaluation in naive
/// local time; a time in a gap becomes the first that exists after it.
#[test]
fn cron_skips_the_day_whose_hour_does_not_exist() {
    let before = at(New_York, "2026-03-06 12:00");
    assert_eq!(
        firings("0 30 2 * * *", before, 3),
        ["03-07 07:30", "03-09 06:30", "03-10 06:30"],
        "nothing on the 8th"
    );
}

/// In the night that repeats 01:30 a daily job of 01:30 runs twice. Our cure: of two instants the earlier.
#[test]
fn cron_runs_twice_in_the_hour_that_comes_twice() {
    let before = at(New_York, "2026-10-31 12:00");
    assert_eq!(
        firings("0 30 1 * * *", before, 3),
        ["11-01 05:30", "11-01 06:30", "11-02 06:30"]
    );
}

/// Asked again from each firing on, as a scheduler does, cron 0.17 loses an hour of half-hours in that
/// night. Our cure: what runs every hour is evaluated in UTC.
#[test]
fn cron_loses_half_hours_in_the_hour_that_comes_twice() {
    let every = schedule("0 */30 * * * *");
    let mut now = at(New_York, "2026-11-01 00:30");
    let mut seen = Vec::new();
    for _ in 0..4 {
        now = every.after(&now).next().expect("a firing");
        seen.push(in_utc(&now));
    }
    assert_eq!(
        seen,
        ["11-01 05:00", "11-01 05:30", "11-01 07:00", "11-01 07:30"]
    );
    let mut utc = at(New_York, "2026-11-01 00:30").with_timezone(&Utc);
    for _ in 0..6 {
        let next = every.after(&utc).next().expect("a firing");
        assert_eq!(next - utc, TimeDelta::minutes(30), "in UTC none is lost");
        utc = next;
    }
}

// ------------------------------------------------------------------------------------------------ sqlx

/// What keeps a cancelled `begin()` from leaving its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cure {
    /// Nothing: the pool as sqlx makes it.
    None,
    /// The pool rolls back whatever a connection brings along before it lends it.
    RollBackBeforeLending,
    /// The pool rolls back whatever a connection brings along when it comes home.
    RollBackAfterReturn,
    /// The pool is left alone, but nobody drops the work half-way: it runs in a task of its own.
    WorkInItsOwnTask,
}

/// How many rows each round of [`lost_rows`] writes.
const ROWS: u32 = 30;

/// PostgreSQL for this test, from `BIHUAN_TEST_POSTGRES`; without it the test is named as skipped, in CI
/// it fails.
#[expect(
    clippy::print_stdout,
    reason = "a test that is skipped says so by name"
)]
fn postgres() -> Option<PgConnectOptions> {
    match std::env::var("BIHUAN_TEST_POSTGRES") {
        Ok(url) => Some(url.parse().expect("BIHUAN_TEST_POSTGRES is an address")),
        Err(_) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("BIHUAN_TEST_POSTGRES is not set")
        }
        Err(_) => {
            println!("skipped: cancelled begin() on PostgreSQL, BIHUAN_TEST_POSTGRES is not set");
            None
        }
    }
}

/// A loopback port that leads to `target`, ten milliseconds away in each direction.
async fn distance_to(target: (String, u16)) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(target.clone())
                .await
                .expect("the database listens");
            near.set_nodelay(true).expect("a TCP socket");
            far.set_nodelay(true).expect("a TCP socket");
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::spawn(carry(near_in, far_out));
            tokio::spawn(carry(far_in, near_out));
        }
    });
    port
}

/// Hands every piece on ten milliseconds late.
async fn carry(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut piece).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if to.write_all(&piece[..n]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// A pool that reaches `server` from afar, as SeaORM uses it. It has one connection, so that whoever comes
/// next gets the one that a cancelled `begin()` gave back.
async fn pool(server: &PgConnectOptions, cure: Cure) -> DatabaseConnection {
    let port = distance_to((server.get_host().to_owned(), server.get_port())).await;
    let mut options = PgPoolOptions::new().max_connections(1);
    if cure == Cure::RollBackBeforeLending {
        options = options.before_acquire(|connection, _| {
            Box::pin(async move { connection.execute("ROLLBACK").await.map(|_| true) })
        });
    }
    if cure == Cure::RollBackAfterReturn {
        options = options.after_release(|connection, _| {
            Box::pin(async move { connection.execute("ROLLBACK").await.map(|_| true) })
        });
    }
    let pool = options
        .connect_with(server.clone().host("127.0.0.1").port(port))
        .await
        .expect("a connection");
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

/// Between clients that hang up while their transaction begins, writes [`ROWS`] rows that have nothing to
/// do with them. Every write is acknowledged. Answers how many are not in the database afterwards.
async fn lost_rows(server: &PgConnectOptions, cure: Cure) -> u32 {
    let table = format!("cancelled_begin_{cure:?}_{}", std::process::id()).to_lowercase();
    let mut direct = PgConnection::connect_with(server)
        .await
        .expect("a connection");
    let create = format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (n INT)");
    direct
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(create)))
        .await
        .expect("a table");

    let database = pool(server, cure).await;
    for n in 0..ROWS {
        // From at once to more than four round trips, so that some hang up while BEGIN is on its way:
        // before it, the pool tests the connection twice, when it comes home and when it is lent.
        let patience = Duration::from_millis(u64::from(n) * 3);
        let begin = {
            let database = database.clone();
            async move { database.begin().await.map(drop) }
        };
        if cure == Cure::WorkInItsOwnTask {
            let _ = tokio::time::timeout(patience, tokio::spawn(begin)).await;
        } else {
            let _ = tokio::time::timeout(patience, begin).await;
        }
        let insert = format!("INSERT INTO {table} VALUES ({n})");
        database
            .execute_unprepared(&insert)
            .await
            .expect("acknowledged");
    }
    database.close().await.expect("closed");

    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")));
    let kept: i64 = count.fetch_one(&mut direct).await.expect("a count");
    let drop = format!("DROP TABLE {table}");
    direct
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(drop)))
        .await
        .expect("dropped");
    ROWS - u32::try_from(kept).expect("no more rows than written")
}

/// sqlx 0.9.0 under SeaORM 2.0.4: a `begin()` that is dropped half-way, as axum does with the handler of a
/// client that hangs up, gives its connection back with a transaction open that the pool knows nothing of.
/// The next users write into it, are told that all is well, and it is never committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_begin_loses_the_writes_of_others() {
    let Some(server) = postgres() else { return };
    // Where exactly a client hangs up is luck: on a busy machine a round may miss the moment.
    let mut lost = 0;
    for _ in 0..5 {
        lost = lost_rows(&server, Cure::None).await;
        if lost > 0 {
            break;
        }
    }
    println!("{lost} of {ROWS} acknowledged rows lost without a cure");
    assert!(
        lost > 0,
        "the defect does not show: is it mended? then the cures may go"
    );
}

/// Each of our two cures alone is enough; the server takes both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_begin_is_cured_by_rolling_back_and_by_not_dropping_work() {
    let Some(server) = postgres() else { return };
    let rounds = [
        Cure::RollBackBeforeLending,
        Cure::RollBackAfterReturn,
        Cure::WorkInItsOwnTask,
    ]
    .map(|cure| {
        let server = server.clone();
        (
            cure,
            tokio::spawn(async move { lost_rows(&server, cure).await }),
        )
    });
    for (cure, round) in rounds {
        assert_eq!(round.await.expect("a round"), 0, "{cure:?}");
    }
}
