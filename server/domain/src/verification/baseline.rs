//! Which days are compared, and how noisy they are.
//!
//! A topic is looked at because something bad was seen, so the days that made the alarm ring are
//! worse than usual by selection alone. They form the *guard* and are never used. What remains:
//!
//! ```text
//!   … noise history (112 days) …
//!            ├── quiet: 56 days ──┤── guard: 14 days, alarm included ──┤── alarm days ──┤ fix ├── after ──→
//! ```
//!
//! *Alarm days* (after the alarm, before the fix) are fair whatever made it ring, but few; *quiet*
//! days are many, but from before the trouble. They are pooled unless they differ
//! (test-then-pool): then the trouble was real, only the alarm days are "before", and an
//! improvement must beat the quiet days too to be more than a return to normal. Trouble means worse:
//! alarm days that are somewhat better than the quiet ones stay pooled with them.

use super::{Answers, Contract, Course, DayRow, Gap, Metric, MetricKind};
use crate::facts::Counters;
use crate::statistics::stratified::{Contrast, Scale, Sums, mean_difference, rate_difference};
use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Days of noise history before the guard.
pub const HISTORY_DAYS: u64 = 112;
/// Days before the guard that a trend is looked for in, at most: half a year nearly.
pub const TREND_DAYS: u64 = 168;
/// Length of a block of noise history. Long on purpose: weeks miss slow noise.
pub const BLOCK_DAYS: u64 = 28;
/// Noise factor where neither this topic's history nor other topics tell one.
pub const DEFAULT_NOISE: f64 = 1.2;
/// The same for contact volumes, which are far from independent.
pub const DEFAULT_VOLUME_NOISE: f64 = 4.0;
/// Degrees of freedom that the usual noise of the organisation's topics counts for.
const KNOWN_WEIGHT: f64 = 20.0;
/// The same where no other topics tell it: a default, or days that know nothing of slow noise.
const DEFAULT_WEIGHT: f64 = 6.0;
/// Weeks that may be alike: a block of noise history.
const ALIKE_WEEKS: usize = 4;
/// Without a comparison the noise is known from a few degrees of freedom alone: the factor is widened
/// by this over their number, about as much as Student's law is wider than the normal at the lines.
const DOUBT: f64 = 3.0;
/// Share of after-answers without a counterpart before, above which strata are merged.
const MOST_DROPPED: f64 = 0.2;
/// Contacts of the others in one stratum of a week, below which channels are summed.
const LEAST_EXPOSURE: f64 = 20.0;
/// Weeks of history below which no trend is looked for.
const LEAST_WEEKS: usize = 8;
/// Days between two fixes below which the earlier one does not cut the baseline of the later one.
const CUT_DAYS: i64 = 15;
/// Most channels that stay apart when day types are merged; further ones are summed.
const MERGED: usize = 64;

/// Days from `from` to `to`, both included; empty when `to` is before `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl Window {
    /// The `days` days that end on `to`.
    #[must_use]
    pub fn ending(to: NaiveDate, days: u64) -> Self {
        Self {
            from: minus(to, days.saturating_sub(1)),
            to: if days == 0 { minus(to, 1) } else { to },
        }
    }

    /// Whether `day` lies in it.
    #[must_use]
    pub fn contains(&self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }

    /// Number of days.
    #[must_use]
    pub fn days(&self) -> i64 {
        (self.to - self.from).num_days().saturating_add(1).max(0)
    }

    fn not_before(self, day: NaiveDate) -> Self {
        Self {
            from: self.from.max(day),
            to: self.to,
        }
    }
}

/// `day` − `days`.
#[must_use]
pub fn minus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days))
        .unwrap_or(NaiveDate::MIN)
}

/// `day` + `days`.
#[must_use]
pub fn plus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days))
        .unwrap_or(NaiveDate::MAX)
}

/// The windows of one verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Quiet days before the guard, or before the fix where there is no guard.
    pub quiet: Window,
    /// Days after the alarm and before the fix.
    pub alarm: Window,
    /// Full days since the fix that are old enough, at most the horizon.
    pub after: Window,
    /// Last day of the horizon.
    pub horizon: NaiveDate,
    /// The last day before the guard: what the noise is learnt from ends here.
    pub history_end: NaiveDate,
    /// Another fix went live before: nothing earlier than this is the topic's level.
    pub cut: Option<NaiveDate>,
    /// No alarm came before the fix: there is no guard.
    pub before_fix: bool,
}

impl Windows {
    /// The windows of `contract` in this `course`. `joint`: fixes of the same topic that went live
    /// after this one, inside its horizon, are judged together with it: the after-window begins
    /// with the last of them. Otherwise it ends before the first of them.
    ///
    /// An earlier fix cuts the baseline at its date, where at least two weeks remain; else the two
    /// share their baseline and the verdict is theirs together.
    #[must_use]
    pub fn of(contract: &Contract, course: &Course, joint: bool) -> Self {
        let own = course.effective_day;
        let horizon_days = u64::from(contract.horizon_days);
        let others = || course.other_fixes.iter().map(|o| o.day);
        let (mut first, mut cut) = (own, None::<NaiveDate>);
        let mut earlier: Vec<NaiveDate> = others().filter(|day| *day < own).collect();
        earlier.sort_unstable();
        for day in earlier.into_iter().rev() {
            if (first - day).num_days() > CUT_DAYS {
                cut = Some(plus(day, 1));
                break;
            }
            first = day;
        }
        let later = || others().filter(|day| *day > own && *day <= plus(own, horizon_days));
        let fix = if joint {
            later().max().unwrap_or(own)
        } else {
            own
        };
        let last = minus(first, 1);
        let none = Window {
            from: first,
            to: last,
        };
        let long = u64::from(contract.baseline_days);
        let (mut quiet, mut alarm, before_fix) =
            match contract.alarm_day.filter(|alarm| *alarm <= own) {
                Some(rang) => {
                    let guard = minus(rang, u64::from(contract.guard_days).saturating_sub(1));
                    let guard = contract
                        .change_day
                        .map_or(guard, |change| guard.min(change));
                    (
                        Window::ending(minus(guard.min(first), 1), long),
                        Window {
                            from: plus(rang, 1),
                            to: last,
                        },
                        false,
                    )
                }
                None => (Window::ending(last, long), none, true),
            };
        let history_end = quiet.to;
        if let Some(cut) = cut {
            quiet = quiet.not_before(cut);
            alarm = alarm.not_before(cut);
        }
        let horizon = plus(fix, horizon_days);
        let mature = minus(course.today, 1 + u64::from(course.maturity_days));
        let until = if joint {
            None
        } else {
            later().min().map(|day| minus(day, 1))
        };
        let after = Window {
            from: plus(fix, 1),
            to: horizon.min(mature).min(until.unwrap_or(NaiveDate::MAX)),
        };
        Self {
            quiet,
            alarm,
            after,
            horizon,
            history_end,
            cut,
            before_fix,
        }
    }

    /// The first day that anything is read from.
    #[must_use]
    pub fn earliest(&self) -> NaiveDate {
        let history = minus(self.history_end, TREND_DAYS - 1);
        history.min(self.quiet.from).min(minus(self.after.from, 15))
    }
}

/// How answers are grouped before they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strata {
    /// Channel × weekday/weekend.
    ChannelDayType,
    /// Channel.
    Channel,
    /// Weekday/weekend.
    DayType,
    /// All together.
    None,
}

impl Strata {
    /// The name in results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChannelDayType => "channel_day_type",
            Self::Channel => "channel",
            Self::DayType => "day_type",
            Self::None => "none",
        }
    }
}

fn weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const fn float(count: i64) -> f64 {
    count as f64
}

/// The place of a row that is not used: outside the time looked at, or of a silent source.
const NOWHERE: u32 = u32::MAX;

/// The daily counts of a topic and of the topics it is compared with, each row with its place in
/// the grid of days × channels, so that every metric is summed without looking anything up again.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    channels: Vec<&'a str>,
    first: NaiveDate,
    /// Whether a day counts as weekend, for each day from `first` on.
    closed: Vec<bool>,
    /// Whether nothing is known of a channel on a day: day × channels.
    silent: Vec<bool>,
    topic: Vec<(u32, &'a Counters)>,
    others: Vec<(u32, &'a Counters)>,
    /// The first day with any row of the topic or the others.
    known_from: Option<usize>,
}

impl<'a> Series<'a> {
    /// The rows of the contract's channels (`channels` empty = all) of one topic.
    #[must_use]
    pub fn new(rows: &'a [DayRow], channels: &[String]) -> Self {
        let days = || rows.iter().map(|row| row.day);
        let first = days().min().unwrap_or(NaiveDate::MIN);
        let last = days().max().unwrap_or(NaiveDate::MIN);
        Self::between(
            rows,
            &[],
            channels,
            &[],
            &[],
            Window {
                from: first,
                to: last,
            },
        )
    }

    /// The rows of topic and others from `time.from` to `time.to`.
    #[must_use]
    pub fn between(
        topic: &'a [DayRow],
        others: &'a [DayRow],
        channels: &[String],
        closed_days: &[NaiveDate],
        gaps: &[Gap],
        time: Window,
    ) -> Self {
        let wanted = |row: &&'a DayRow| {
            time.contains(row.day) && (channels.is_empty() || channels.contains(&row.channel))
        };
        // Few names, many rows: remembered in the order of their first appearance.
        let mut names: Vec<&'a str> = Vec::new();
        for row in topic.iter().filter(wanted) {
            if !names.contains(&row.channel.as_str()) {
                names.push(&row.channel);
            }
        }
        names.sort_unstable();
        let days = usize::try_from(time.days()).unwrap_or(0);
        let wide = names.len();
        let closed: Vec<bool> = time
            .from
            .iter_days()
            .take(days)
            .map(|day| weekend(day) || closed_days.contains(&day))
            .collect();
        let mut silent = vec![false; days * wide];
        for gap in gaps {
            let Some(channel) = names.iter().position(|name| *name == gap.channel) else {
                continue;
            };
            for day in gap
                .from
                .max(time.from)
                .iter_days()
                .take_while(|d| *d <= gap.to.min(time.to))
            {
                if let Some(cell) =
                    place(time.from, day).and_then(|d| silent.get_mut(d * wide + channel))
                {
                    *cell = true;
                }
            }
        }
        let mut at = 0;
        let mut slot = |row: &DayRow| -> u32 {
            if names.get(at).is_none_or(|name| *name != row.channel) {
                // Channels of control topics alone have nothing to be compared with.
                let Ok(found) = names.binary_search(&row.channel.as_str()) else {
                    return NOWHERE;
                };
                at = found;
            }
            place(time.from, row.day)
                .map(|d| d * wide + at)
                .filter(|cell| !silent.get(*cell).copied().unwrap_or(true))
                .and_then(|cell| u32::try_from(cell).ok())
                .unwrap_or(NOWHERE)
        };
        let place_all = |rows: &'a [DayRow], slot: &mut dyn FnMut(&DayRow) -> u32| {
            let mut out = Vec::with_capacity(rows.len());
            out.extend(
                rows.iter()
                    .filter(wanted)
                    .map(|row| (slot(row), &row.counters)),
            );
            out.retain(|(slot, _)| *slot != NOWHERE);
            out
        };
        let topic = place_all(topic, &mut slot);
        let others = place_all(others, &mut slot);
        let known_from = topic
            .iter()
            .chain(&others)
            .map(|(slot, _)| *slot as usize / wide.max(1))
            .min();
        Self {
            channels: names,
            first: time.from,
            closed,
            silent,
            topic,
            others,
            known_from,
        }
    }

    /// The first day with any row: nothing is known of the days before it.
    #[must_use]
    pub fn first_day(&self) -> Option<NaiveDate> {
        self.known_from.map(|d| plus(self.first, d as u64))
    }

    /// The channels, by name.
    #[must_use]
    pub fn channels(&self) -> &[&'a str] {
        &self.channels
    }

    /// The days of `window` that lie in this series and of which something may be known.
    #[must_use]
    pub fn span(&self, window: Window) -> Span {
        let len = self.closed.len();
        let index = |day: NaiveDate| {
            usize::try_from((day - self.first).num_days().clamp(0, float_len(len))).unwrap_or(0)
        };
        let from = index(window.from).max(self.known_from.unwrap_or(len));
        let to = index(plus(window.to, 1));
        Span {
            from,
            to: to.max(from),
        }
    }

    /// Sums of the topic's rows in the windows.
    #[must_use]
    pub fn totals(&self, windows: &[Window]) -> Totals {
        let mut totals = Totals::default();
        let spans: Vec<Span> = windows.iter().map(|w| self.span(*w)).collect();
        totals.days = spans.iter().map(Span::days).sum();
        let wide = self.channels.len().max(1);
        for (slot, counters) in &self.topic {
            let day = *slot as usize / wide;
            if spans.iter().any(|span| span.from <= day && day < span.to) {
                totals.rated += float(counters.rated.max(0));
                totals.satisfied += float(counters.satisfied.max(0));
                totals.contacts += float(counters.contacts.max(0));
            }
        }
        totals
    }

    /// The topic's answers of a metric in the windows.
    #[must_use]
    pub fn answers(&self, metric: Metric, windows: &[Window]) -> Answers {
        let mut out = Answers::default();
        let spans: Vec<Span> = windows.iter().map(|w| self.span(*w)).collect();
        let wide = self.channels.len().max(1);
        for (slot, counters) in &self.topic {
            let day = *slot as usize / wide;
            if spans.iter().any(|span| span.from <= day && day < span.to) {
                let more = metric.answers(counters);
                out.n += more.n;
                out.sum += more.sum;
                out.squares += more.squares;
            }
        }
        out
    }

    /// Ready to compare windows by `metric`. `against`: with the other topics.
    #[must_use]
    pub fn panel(&self, metric: Metric, against: bool) -> Panel {
        let wide = self.channels.len();
        let strata = 2 * wide;
        let days = self.closed.len();
        let mut sums = vec![Sums::default(); (days + 1) * strata];
        let cell = |slot: u32| -> usize {
            let (day, channel) = (slot as usize / wide, slot as usize % wide);
            (day + 1) * strata + 2 * channel + usize::from(self.closed[day])
        };
        let rate = metric.kind() == MetricKind::Rate;
        for (slot, counters) in &self.topic {
            let answers = metric.answers(counters);
            let to = &mut sums[cell(*slot)];
            to.n += answers.n;
            to.sum += answers.sum;
            to.squares += answers.squares;
        }
        if against {
            for (slot, counters) in &self.others {
                let answers = metric.answers(counters);
                let to = &mut sums[cell(*slot)];
                to.others += answers.n;
                to.others_sum += answers.sum;
                to.others_squares += answers.squares;
            }
        } else if rate {
            for day in self.known_from.unwrap_or(days)..days {
                for channel in 0..wide {
                    if !self.silent[day * wide + channel] {
                        let to = (day + 1) * strata + 2 * channel + usize::from(self.closed[day]);
                        sums[to].others = 1.0;
                    }
                }
            }
        }
        for at in strata..sums.len() {
            let (done, rest) = sums.split_at_mut(at);
            rest[0].add(&done[at - strata]);
        }
        Panel {
            kind: metric.kind(),
            against,
            strata,
            fine: true,
            sums,
        }
    }

    /// Share of the expected answers of some days that is missing because a source was silent, where
    /// `usual` are days that tell what each channel brings.
    #[must_use]
    pub fn missing_share(&self, panel: &Panel, usual: &[Span], days: Span) -> f64 {
        let wide = self.channels.len();
        let (mut missing, mut all) = (0.0, 0.0);
        let sums = panel.window(usual);
        for channel in 0..wide {
            let answers = sums[2 * channel].n + sums[2 * channel + 1].n;
            let silent = |span: &Span| {
                (span.from..span.to)
                    .filter(|day| self.silent[day * wide + channel])
                    .count()
            };
            let heard: usize = usual
                .iter()
                .map(|span| (span.to - span.from) - silent(span))
                .sum();
            if heard == 0 {
                continue;
            }
            let pace = answers / float_len(heard) as f64;
            missing += pace * silent(&days) as f64;
            all += pace * days.days();
        }
        if all > 0.0 { missing / all } else { 0.0 }
    }

    /// Share of each channel in the ratings of the days; empty without ratings.
    #[must_use]
    pub fn channel_mix(&self, panel: &Panel, spans: &[Span]) -> Vec<(&'a str, f64)> {
        let sums = panel.window(spans);
        let total: f64 = sums.iter().map(|s| s.n).sum();
        if total <= 0.0 {
            return Vec::new();
        }
        self.channels
            .iter()
            .zip(sums.chunks_exact(2))
            .map(|(name, types)| (*name, (types[0].n + types[1].n) / total))
            .collect()
    }
}

#[expect(clippy::cast_possible_wrap, reason = "a number of days")]
const fn float_len(len: usize) -> i64 {
    len as i64
}

fn place(first: NaiveDate, day: NaiveDate) -> Option<usize> {
    usize::try_from((day - first).num_days()).ok()
}

/// Days of a [`Series`], by their number: from `from` to before `to`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First day.
    pub from: usize,
    /// The day after the last one.
    pub to: usize,
}

impl Span {
    /// How many days.
    #[must_use]
    pub fn days(&self) -> f64 {
        float(float_len(self.to - self.from))
    }
}

/// One metric's answers of topic and others by channel and day type, summed up to each day, so that
/// any window costs one subtraction.
#[derive(Clone, Debug)]
pub struct Panel {
    kind: MetricKind,
    against: bool,
    strata: usize,
    /// Rates against others: channels hold enough contacts to be strata.
    fine: bool,
    sums: Vec<Sums>,
}

impl Panel {
    /// Sums by stratum (channel × day type) over some days.
    #[must_use]
    pub fn window(&self, spans: &[Span]) -> Vec<Sums> {
        let mut out = vec![Sums::default(); self.strata];
        self.add_window(spans, &mut out);
        out
    }

    /// The same without new memory.
    pub fn add_window(&self, spans: &[Span], out: &mut [Sums]) {
        for span in spans {
            let (from, to) = (span.from * self.strata, span.to * self.strata);
            for (k, sum) in out.iter_mut().enumerate() {
                sum.add(&self.sums[to + k].less(&self.sums[from + k]));
            }
        }
    }

    /// Whether the others are compared with.
    #[must_use]
    pub const fn against(&self) -> bool {
        self.against
    }

    /// Decides, from the baseline alone, whether channels are strata of a rate against others: with
    /// fewer than 20 of their contacts in a weekday or weekend of one week they are summed.
    pub fn choose_strata(&mut self, baseline: &[Sums], days: f64) {
        let enough = |s: &Sums| s.n <= 0.0 || s.others * 7.0 / days.max(1.0) >= LEAST_EXPOSURE;
        self.fine = !self.against || self.kind != MetricKind::Rate || baseline.iter().all(enough);
    }

    /// After minus before. Channel × day type; if more than a fifth of the after-answers have no
    /// counterpart there, day types are merged, then channels.
    #[must_use]
    pub fn contrast(
        &self,
        before: &[Sums],
        after: &[Sums],
        phi: f64,
    ) -> Option<(Contrast, Strata)> {
        let order: &[Strata] = match self.kind {
            MetricKind::Rate if self.fine => &[Strata::ChannelDayType, Strata::DayType],
            MetricKind::Rate => &[Strata::DayType],
            _ => &[Strata::ChannelDayType, Strata::Channel],
        };
        for strata in order {
            if let Some(found) = self
                .by(*strata, before, after, phi)
                .filter(|c| c.dropped <= MOST_DROPPED)
            {
                return Some((found, *strata));
            }
        }
        self.by(Strata::None, before, after, phi)
            .map(|c| (c, Strata::None))
    }

    fn by(&self, strata: Strata, before: &[Sums], after: &[Sums], phi: f64) -> Option<Contrast> {
        if strata == Strata::ChannelDayType {
            return self.statistic(before, after, phi);
        }
        let (mut b, mut a) = ([Sums::default(); MERGED], [Sums::default(); MERGED]);
        let to = |k: usize| match strata {
            Strata::Channel => (k / 2).min(MERGED - 1),
            Strata::DayType => k % 2,
            _ => 0,
        };
        for (k, (x, y)) in before.iter().zip(after).enumerate() {
            b[to(k)].add(x);
            a[to(k)].add(y);
        }
        // Days are counted once, not once a channel.
        if self.kind == MetricKind::Rate && !self.against {
            let channels = float(float_len(self.strata / 2)).max(1.0);
            for side in [&mut b, &mut a] {
                for sums in side.iter_mut() {
                    sums.others /= channels;
                }
            }
        }
        self.statistic(&b, &a, phi)
    }

    fn statistic(&self, before: &[Sums], after: &[Sums], phi: f64) -> Option<Contrast> {
        let scale = match (self.against, self.kind) {
            (_, MetricKind::Rate) => return rate_difference(before, after, phi, self.against),
            (false, _) => Scale::Alone,
            (true, MetricKind::Share) => Scale::Shares,
            (true, _) => Scale::Means,
        };
        mean_difference(before, after, phi, scale)
    }
}

/// Sums over windows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Ratings.
    pub rated: f64,
    /// Satisfied among them.
    pub satisfied: f64,
    /// Contacts.
    pub contacts: f64,
    /// Days since the first row.
    pub days: f64,
}

impl Totals {
    /// What counts as answers of CSAT (ratings) or of volume (contacts).
    #[must_use]
    pub const fn answers(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Volume => self.contacts,
            _ => self.rated,
        }
    }
}

/// How noisy the days before the guard say that the topic is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    /// Noise factor φ.
    pub factor: f64,
    /// Blocks of 28 days it was learnt from; 0 = what is usual.
    pub blocks: u32,
    /// Pearson sum X of the blocks' deviations.
    pub pearson: f64,
}

/// A slope and its variance, per week.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slope {
    /// Change of the statistic per week.
    pub value: f64,
    /// Its variance.
    pub variance: f64,
    /// Weeks it was learnt from.
    pub weeks: u32,
    /// The middle of its answers, as a day's number.
    pub centre: f64,
}

impl Slope {
    /// The statistic.
    #[must_use]
    pub fn z(&self) -> f64 {
        if self.variance > 0.0 {
            self.value / self.variance.sqrt()
        } else {
            0.0
        }
    }
}

/// One stretch of days against all the others.
#[derive(Clone, Copy, Debug)]
struct Deviation {
    /// Deviation from them all together.
    delta: f64,
    /// Its variance at φ = 1.
    variance: f64,
    /// Answers of the topic.
    answers: f64,
    /// The middle of its days, as a day's number.
    middle: f64,
}

/// Each stretch compared with the others.
fn deviations(panel: &Panel, stretches: &[Span]) -> Vec<Deviation> {
    let total = panel.window(stretches);
    let all: f64 = total.iter().map(|s| s.n).sum();
    let mut block = vec![Sums::default(); total.len()];
    let mut rest = block.clone();
    stretches
        .iter()
        .map(|span| {
            block.fill(Sums::default());
            panel.add_window(&[*span], &mut block);
            for ((rest, total), block) in rest.iter_mut().zip(&total).zip(&block) {
                *rest = total.less(block);
            }
            let answers: f64 = block.iter().map(|s| s.n).sum();
            let left = if all > 0.0 { 1.0 - answers / all } else { 1.0 };
            let (delta, variance) = panel
                .contrast(&rest, &block, 1.0)
                .map_or((0.0, 0.0), |(c, _)| (c.delta, c.variance));
            Deviation {
                delta: delta * left,
                variance: variance.max(1e-9) * left,
                answers,
                middle: f64::midpoint(float(float_len(span.from)), float(float_len(span.to)) - 1.0),
            }
        })
        .collect()
}

/// `count` stretches of `length` days that end before `end`, the oldest first.
fn stretches(end: usize, length: usize, count: usize) -> Vec<Span> {
    (0..count)
        .map(|j| end - length * (count - j))
        .map(|from| Span {
            from,
            to: from + length,
        })
        .collect()
}

/// Learns the noise from the 112 days before `end` (a day's number), as far as they reach back.
///
/// Each whole block of 28 days is compared with the other blocks; the Pearson sum X of these
/// deviations (J − 1 degrees of freedom) is shrunk towards the usual noise:
/// φ = max(1, (k φ₀ + X) / (k + J − 1)), k = 20 where other topics of the organisation tell φ₀ and 6
/// where it is a default. With fewer than two blocks φ = φ₀. What nothing is compared with is learnt from
/// weeks instead, where there are eight.
#[must_use]
pub fn noise(panel: &Panel, from: usize, end: usize, usual: Usual) -> Noise {
    let count = end.saturating_sub(from).min(HISTORY_DAYS as usize) / BLOCK_DAYS as usize;
    if count < 2 {
        return Noise {
            factor: usual.noise.max(1.0),
            ..Noise::default()
        };
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 4 blocks")]
    let all = count as f64;
    // Blocks are weighed alike here, however many answers they hold.
    let total = stretches(end, BLOCK_DAYS as usize, count);
    let sums = panel.window(&total);
    let mut block = vec![Sums::default(); sums.len()];
    let mut rest = block.clone();
    let mut pearson = 0.0;
    for span in &total {
        block.fill(Sums::default());
        panel.add_window(&[*span], &mut block);
        for ((rest, total), block) in rest.iter_mut().zip(&sums).zip(&block) {
            *rest = total.less(block);
        }
        if let Some((c, _)) = panel.contrast(&rest, &block, 1.0) {
            pearson += c.delta * c.delta / c.variance.max(1e-9) * (all - 1.0) / all;
        }
    }
    let factor = match slow_noise(panel, from, end) {
        Some(slow) if !panel.against => {
            // What is usual of topics was learnt from what is left of them beside the others.
            let weight = usual.weight.min(DEFAULT_WEIGHT);
            let freedom = weight + slow.freedom;
            let factor = (weight * usual.noise + slow.freedom * slow.noise) / freedom;
            factor.max(1.0) * (1.0 + DOUBT / freedom)
        }
        _ => (usual.weight * usual.noise + pearson) / (usual.weight + all - 1.0),
    };
    Noise {
        factor: factor.max(1.0),
        blocks: u32::try_from(count).unwrap_or(0),
        pearson,
    }
}

/// Noise of four weeks as it is seen in weeks that are alike.
struct Slow {
    noise: f64,
    /// What it is worth, in degrees of freedom.
    freedom: f64,
}

/// The noise of 28 days from the weeks before `end`, 24 at most, and how alike neighbouring weeks are
/// (Bartlett weights over four weeks): from the same days this tells three times as much as whole
/// blocks. `None` with fewer than eight weeks.
fn slow_noise(panel: &Panel, from: usize, end: usize) -> Option<Slow> {
    let weeks = end.saturating_sub(from).min(TREND_DAYS as usize) / 7;
    if weeks < LEAST_WEEKS {
        return None;
    }
    let found: Vec<f64> = deviations(panel, &stretches(end, 7, weeks))
        .iter()
        .map(|d| d.delta / d.variance.sqrt())
        .collect();
    let n = float(float_len(weeks));
    let mut noise = found.iter().map(|e| e * e).sum::<f64>() / n;
    // Of independent weeks each is a little unlike all others, as their mean is taken off.
    let mut expected = 1.0;
    for lag in 1..ALIKE_WEEKS {
        let weight = 2.0 * (1.0 - float(float_len(lag)) / float(float_len(ALIKE_WEEKS)));
        let pairs = found.iter().zip(found.iter().skip(lag));
        noise += weight * pairs.map(|(a, b)| a * b).sum::<f64>() / n;
        expected -= weight * float(float_len(weeks - lag)) / (n * (n - 1.0));
    }
    Some(Slow {
        noise: noise / expected,
        freedom: 1.5 * n / float(float_len(ALIKE_WEEKS)),
    })
}

/// The trend before the fix: weighted least squares through the deviations of the whole weeks before
/// `end`, 24 at most, and of the days after the alarm (`since_alarm`), which reach furthest; `None`
/// with fewer than eight weeks.
#[must_use]
pub fn trend(
    panel: &Panel,
    from: usize,
    end: usize,
    since_alarm: Option<Span>,
    noise: f64,
) -> Option<Slope> {
    let weeks = end.saturating_sub(from).min(TREND_DAYS as usize) / 7;
    if weeks < LEAST_WEEKS {
        return None;
    }
    let mut spans = stretches(end, 7, weeks);
    spans.extend(since_alarm);
    let found = deviations(panel, &spans);
    let all: f64 = found.iter().map(|d| d.answers).sum();
    if all <= 0.0 {
        return None;
    }
    let centre = found.iter().map(|d| d.answers * d.middle).sum::<f64>() / all;
    let (mut sum, mut squares, mut variance) = (0.0, 0.0, 0.0);
    for d in &found {
        let t = (d.middle - centre) / 7.0;
        sum += d.answers * t * d.delta;
        squares += d.answers * t * t;
        variance += d.answers * d.answers * t * t * d.variance;
    }
    (squares > 0.0).then(|| Slope {
        value: sum / squares,
        variance: noise * variance / (squares * squares),
        weeks: u32::try_from(weeks).unwrap_or(0),
        centre,
    })
}

/// The noise that is expected before a topic's own history is asked, and how much that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// φ₀, at least 1.
    pub noise: f64,
    /// Degrees of freedom it counts for.
    pub weight: f64,
}

impl Usual {
    /// What the organisation's topics tell (`known`), else a default: 1.2, or for rates the
    /// dispersion of the `quiet` days.
    #[must_use]
    pub fn of(panel: &Panel, quiet: Span, closed: &[bool], known: Option<f64>) -> Self {
        if let Some(noise) = known {
            return Self {
                noise: noise.max(1.0),
                weight: KNOWN_WEIGHT,
            };
        }
        let noise = match panel.kind {
            MetricKind::Rate => {
                daily_dispersion(panel, quiet, closed).unwrap_or(DEFAULT_VOLUME_NOISE)
            }
            _ => DEFAULT_NOISE,
        };
        Self {
            noise: noise.max(1.0),
            weight: DEFAULT_WEIGHT,
        }
    }
}

/// The noise factor φ of a topic on its own and the number of blocks it was learnt from, for plans.
#[must_use]
pub fn noise_factor(
    series: &Series<'_>,
    metric: Metric,
    quiet: Window,
    usual: Option<f64>,
) -> (f64, u32) {
    let panel = series.panel(metric, false);
    let quiet = series.span(quiet);
    let usual = Usual::of(&panel, quiet, &series.closed, usual);
    let from = series.known_from.unwrap_or(quiet.to).min(quiet.to);
    let found = noise(&panel, from, quiet.to, usual);
    (found.factor, found.blocks)
}

impl Series<'_> {
    /// Whether each day counts as weekend.
    #[must_use]
    pub fn closed(&self) -> &[bool] {
        &self.closed
    }

    /// The number of the first day of which something is known, at most `end`.
    #[must_use]
    pub fn known_from(&self, end: usize) -> usize {
        self.known_from.unwrap_or(end).min(end)
    }
}

/// Pearson dispersion of the daily contacts within day types, the others' days taken as they come;
/// `None` under two weeks.
fn daily_dispersion(panel: &Panel, window: Span, closed: &[bool]) -> Option<f64> {
    if window.to - window.from < 14 {
        return None;
    }
    let (mut contacts, mut exposure) = ([0.0; 2], [0.0; 2]);
    for (k, sums) in panel.window(&[window]).iter().enumerate() {
        contacts[k % 2] += sums.n;
        exposure[k % 2] += sums.others;
    }
    let mut x = 0.0;
    let mut day_sums = vec![Sums::default(); panel.strata];
    for (day, closed) in closed.iter().enumerate().take(window.to).skip(window.from) {
        let kind = usize::from(*closed);
        day_sums.fill(Sums::default());
        panel.add_window(
            &[Span {
                from: day,
                to: day + 1,
            }],
            &mut day_sums,
        );
        let (seen, at_risk) = day_sums
            .iter()
            .fold((0.0, 0.0), |(n, t), s| (n + s.n, t + s.others));
        let expected = if exposure[kind] > 0.0 {
            contacts[kind] / exposure[kind] * at_risk
        } else {
            0.0
        };
        if expected > 0.0 {
            x += (seen - expected).powi(2) / expected;
        }
    }
    let groups = exposure.iter().filter(|t| **t > 0.0).count();
    #[expect(clippy::cast_precision_loss, reason = "at most 2 groups")]
    let freedom = window.days() - groups as f64;
    (freedom > 0.0).then(|| x / freedom)
}
