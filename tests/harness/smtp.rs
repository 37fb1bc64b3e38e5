//! A mail server on a TCP port: the part of RFC 5321 that a sender uses, with its bad days.

use crate::Random;
use mail_parser::{HeaderValue, MessageParser};
use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Reverse path of the envelope.
    pub from: String,
    /// Recipients of the envelope.
    pub to: Vec<String>,
    /// The message, dots unstuffed.
    pub raw: Vec<u8>,
    /// Whether the sender was told that it arrived.
    pub acknowledged: bool,
    /// When it arrived.
    pub at: Instant,
    /// When the connection that it came by was opened. Its bytes may arrive after the end of whoever opened it.
    pub connected: Instant,
}

/// The bad days of a mail server.
#[derive(Debug, Default)]
struct Mood {
    /// Refuse so many messages for now.
    busy: usize,
    /// Refuse these recipients for ever.
    unknown: HashSet<String>,
    /// Take so many messages and hang up without an answer.
    silent: usize,
    /// Wait before the answer to a message.
    slow: Duration,
    /// User and password that are asked for.
    login: Option<(String, String)>,
    /// Every message may meet another kind of day.
    weather: Option<Random>,
}

/// How one message fares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Day {
    Good,
    /// Kept, and the answer comes late.
    Slow,
    /// 450 at its recipient.
    Later,
    /// 451 after all of it was read.
    Busy,
    /// Gone before its end; not kept.
    Cut,
    /// Kept, and gone without an answer.
    Silent,
}

impl Mood {
    fn day(&mut self) -> Day {
        let Some(random) = &mut self.weather else {
            return Day::Good;
        };
        // Half of them are good, so that everything gets through in a few attempts.
        match random.below(20) {
            0..5 => Day::Slow,
            5 => Day::Later,
            6 => Day::Busy,
            7 => Day::Cut,
            8 | 9 => Day::Silent,
            _ => Day::Good,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    letters: Vec<Letter>,
    mood: Mood,
    refused: usize,
    /// How often each kind of bad day came.
    days: BTreeMap<&'static str, usize>,
}

/// A mail server that keeps what it gets.
pub struct Smtp {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Smtp {
    /// Starts one on a free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(Mutex::new(State::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (state, stop) = (Arc::clone(&state), Arc::clone(&stop));
            std::thread::spawn(move || {
                for connection in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = connection else { continue };
                    let state = Arc::clone(&state);
                    // A sender that breaks off is what tests do on purpose.
                    std::thread::spawn(move || {
                        let _ = converse(stream, &state);
                    });
                }
            })
        };
        Self {
            address,
            state,
            stop,
            listener: Some(thread),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds the mails")
    }

    /// The address for `BIHUAN_MAIL`.
    #[must_use]
    pub fn url(&self) -> String {
        let login = self
            .state()
            .mood
            .login
            .as_ref()
            .map(|(u, p)| format!("{u}:{p}@"))
            .unwrap_or_default();
        format!("smtp://{login}{}?tls=none", self.address)
    }

    /// Asks for this user and password from now on.
    pub fn ask_for_login(&self, user: &str, password: &str) {
        self.state().mood.login = Some((user.to_owned(), password.to_owned()));
    }

    /// Refuses the next `n` messages with a 4xx.
    pub fn refuse_for_now(&self, n: usize) {
        self.state().mood.busy = n;
    }

    /// Refuses that recipient with a 5xx.
    pub fn refuse_for_ever(&self, recipient: &str) {
        self.state().mood.unknown.insert(recipient.to_owned());
    }

    /// Takes mails for that recipient again.
    pub fn take_again(&self, recipient: &str) {
        self.state().mood.unknown.remove(recipient);
    }

    /// Takes the next `n` messages and hangs up instead of answering: the sender cannot know.
    pub fn hang_up_after(&self, n: usize) {
        self.state().mood.silent = n;
    }

    /// Waits that long before it answers a message.
    pub fn be_slow(&self, time: Duration) {
        self.state().mood.slow = time;
    }

    /// From now on answers late, refuses for now, hangs up before the end and hangs up without an answer, now
    /// this and now that.
    pub fn be_moody(&self, random: Random) {
        self.state().mood.weather = Some(random);
    }

    /// Has only good days from now on.
    pub fn calm_down(&self) {
        self.state().mood.weather = None;
    }

    /// How often each kind of bad day came.
    #[must_use]
    pub fn days(&self) -> BTreeMap<&'static str, usize> {
        self.state().days.clone()
    }

    /// How often something was refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.state().refused
    }

    /// Everything that arrived, in order.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        self.state().letters.clone()
    }

    /// What arrived for a recipient, in order.
    #[must_use]
    pub fn letters_to(&self, recipient: &str) -> Vec<Letter> {
        let mut letters = self.letters();
        letters.retain(|l| l.to.iter().any(|to| to == recipient));
        letters
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.listener.take() {
            let _ = thread.join();
        }
    }
}

fn converse(stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let connected = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream);
    let locked = || {
        state
            .lock()
            .expect("no test panics while it holds the mails")
    };
    let mut say = |text: &str| out.write_all(format!("{text}\r\n").as_bytes());
    let (mut from, mut to): (Option<String>, Vec<String>) = (None, Vec::new());
    let mut known = locked().mood.login.is_none();
    let asked_for = locked().mood.login.clone();
    let mut day = Day::Good;
    say("220 mail.test ready")?;
    loop {
        let line = read_line(&mut lines)?;
        let text = String::from_utf8_lossy(&line).into_owned();
        let upper = text.to_ascii_uppercase();
        let verb = upper.split([' ', ':']).next().unwrap_or_default();
        if locked().mood.login != asked_for {
            // What was logged in with a password of before is thrown out.
            return say("421 log in again");
        }
        match verb {
            "EHLO" => {
                say("250-mail.test")?;
                say("250-8BITMIME")?;
                say("250-AUTH PLAIN")?;
                say("250 SMTPUTF8")?;
            }
            "HELO" | "NOOP" => say("250 ok")?,
            "RSET" => {
                (from, to) = (None, Vec::new());
                say("250 forgotten")?;
            }
            "AUTH" => {
                let expected = locked().mood.login.clone();
                let given = text
                    .split(' ')
                    .nth(2)
                    .map(decode_base64)
                    .unwrap_or_default();
                known = expected.is_none_or(|(user, password)| {
                    given == format!("\0{user}\0{password}").into_bytes()
                });
                say(if known {
                    "235 welcome"
                } else {
                    "535 wrong password"
                })?;
            }
            "MAIL" if !known => say("530 log in first")?,
            "MAIL" => {
                from = Some(path(&text));
                to.clear();
                say("250 sender ok")?;
            }
            "RCPT" if from.is_none() => say("503 who are you?")?,
            "RCPT" => {
                let recipient = path(&text);
                let mut state = locked();
                day = state.mood.day();
                let name = match day {
                    Day::Good => "good",
                    Day::Slow => "slow",
                    Day::Later => "4xx at once",
                    Day::Busy => "4xx after DATA",
                    Day::Cut => "cut off",
                    Day::Silent => "no answer",
                };
                *state.days.entry(name).or_default() += 1;
                if day == Day::Later {
                    state.refused += 1;
                    drop(state);
                    say("450 4.2.1 come back later")?;
                } else if state.mood.unknown.contains(&recipient) {
                    state.refused += 1;
                    drop(state);
                    say("550 5.1.1 no such person here")?;
                } else {
                    drop(state);
                    to.push(recipient);
                    say("250 recipient ok")?;
                }
            }
            "DATA" if to.is_empty() => say("554 for whom?")?,
            "DATA" => {
                say("354 go on, end with a dot")?;
                if day == Day::Cut {
                    read_line(&mut lines)?;
                    return Ok(());
                }
                let raw = read_message(&mut lines)?;
                let (slow, busy, silent) = {
                    let mut state = locked();
                    let busy = state.mood.busy > 0 || day == Day::Busy;
                    let silent = !busy && (state.mood.silent > 0 || day == Day::Silent);
                    if busy {
                        state.mood.busy = state.mood.busy.saturating_sub(1);
                        state.refused += 1;
                    } else {
                        if silent {
                            state.mood.silent = state.mood.silent.saturating_sub(1);
                        }
                        let from = from.take().unwrap_or_default();
                        let to = std::mem::take(&mut to);
                        state.letters.push(Letter {
                            from,
                            to,
                            raw,
                            acknowledged: !silent,
                            at: Instant::now(),
                            connected,
                        });
                    }
                    let slow = match day {
                        Day::Slow => Duration::from_millis(200),
                        _ => state.mood.slow,
                    };
                    (slow, busy, silent)
                };
                if !slow.is_zero() {
                    crate::wait::breathe(slow);
                }
                if silent {
                    return Ok(());
                }
                (from, to) = (None, Vec::new());
                say(if busy {
                    "451 4.3.2 busy, come back later"
                } else {
                    "250 kept"
                })?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("500 what?")?,
        }
    }
}

/// The address between angle brackets.
fn path(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}

fn read_line(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    if lines.read_until(b'\n', &mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    while matches!(line.last(), Some(b'\r' | b'\n')) {
        line.pop();
    }
    Ok(line)
}

fn read_message(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        let line = read_line(lines)?;
        if line == b"." {
            return Ok(raw);
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        raw.extend_from_slice(line);
        raw.extend_from_slice(b"\r\n");
    }
}

fn decode_base64(text: &str) -> Vec<u8> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut out = Vec::new();
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// A letter, read.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Decoded.
    pub subject: String,
    /// The text part, decoded.
    pub text: String,
    /// The HTML part, decoded.
    pub html: String,
    /// Without angle brackets.
    pub message_id: String,
    /// Message-IDs without angle brackets.
    pub in_reply_to: Vec<String>,
    /// Message-IDs without angle brackets.
    pub references: Vec<String>,
    /// Address of the sender.
    pub from: String,
    /// Address for answers.
    pub reply_to: Option<String>,
    /// Every header as it stands in the message, unfolded, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Mail {
    /// The raw value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first address of an action link below `public`, from the text.
    #[must_use]
    pub fn link(&self, public: &str) -> String {
        let start = format!("{public}/a/");
        let at = self
            .text
            .find(&start)
            .unwrap_or_else(|| panic!("no link in\n{}", self.text));
        let link: String = self.text[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-._~:/".contains(*c))
            .collect();
        assert!(
            self.html.contains(&link),
            "the same link stands literally in the HTML: {link}\n{}",
            self.html
        );
        link
    }
}

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(text) => vec![text.to_string()],
        HeaderValue::TextList(list) => list.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

impl Letter {
    /// A letter that lies in a mailbox.
    pub(crate) fn kept(to: &str, raw: Vec<u8>) -> Self {
        Self {
            from: String::new(),
            to: vec![to.to_owned()],
            raw,
            acknowledged: true,
            at: Instant::now(),
            connected: Instant::now(),
        }
    }

    /// Reads the message with somebody else's code.
    #[must_use]
    pub fn read(&self) -> Mail {
        let shown = || String::from_utf8_lossy(&self.raw).into_owned();
        assert!(
            self.raw.is_ascii(),
            "seven bits are for everybody:\n{}",
            shown()
        );
        let longest = self
            .raw
            .split(|b| *b == b'\n')
            .map(<[u8]>::len)
            .max()
            .unwrap_or(0);
        assert!(
            longest <= 999,
            "a line of {longest} bytes: RFC 5322 allows 998"
        );
        let message = MessageParser::default()
            .parse(&self.raw)
            .unwrap_or_else(|| panic!("no mail:\n{}", shown()));
        let head = shown()
            .split("\r\n\r\n")
            .next()
            .unwrap_or_default()
            .replace("\r\n ", " ")
            .replace("\r\n\t", " ");
        let headers = head
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let address = |a: Option<&mail_parser::Address<'_>>| {
            a.and_then(|a| a.first())
                .and_then(|a| a.address())
                .map(str::to_owned)
        };
        assert_eq!(message.text_body_count(), 1, "one text part:\n{}", shown());
        assert_eq!(message.html_body_count(), 1, "one HTML part:\n{}", shown());
        Mail {
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
            message_id: message.message_id().unwrap_or_default().to_owned(),
            in_reply_to: ids(message.in_reply_to()),
            references: ids(message.references()),
            from: address(message.from()).unwrap_or_default(),
            reply_to: address(message.reply_to()),
            headers,
        }
    }
}
