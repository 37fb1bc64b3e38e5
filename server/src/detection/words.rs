//! What an issue and its notice are called.

use domain::detection::{Kind, Scope, Signal, SubjectKind};
use domain::issues::IssueKind;
use domain::organisation::{Bilingual, Locale, Topic};

/// A topic's name.
#[must_use]
pub fn topic_name(key: &str, topics: &[Topic]) -> Bilingual {
    if key.is_empty() {
        return Bilingual::new("未归类的反馈", "Voices without a topic");
    }
    topics.iter().find(|t| t.key == key).map_or_else(
        || Bilingual::new(key, key),
        |t| Bilingual::new(t.title(Locale::ZhCn), t.title(Locale::En)),
    )
}

/// What a signal is about, for people.
#[must_use]
pub fn subject_name(signal: &Signal, topics: &[Topic]) -> Bilingual {
    let key = signal.subject.key.as_str();
    match signal.subject.kind {
        SubjectKind::Topic if key.is_empty() => {
            Bilingual::new("未归类的反馈", "Voices without a topic")
        }
        SubjectKind::Topic => topics.iter().find(|t| t.key == key).map_or_else(
            || Bilingual::new(key, key),
            |t| Bilingual::new(t.title(Locale::ZhCn), t.title(Locale::En)),
        ),
        SubjectKind::SearchTerm => {
            Bilingual::new(format!("搜索「{key}」"), format!("Search \"{key}\""))
        }
        SubjectKind::Article => {
            Bilingual::new(format!("文章「{key}」"), format!("Article \"{key}\""))
        }
        SubjectKind::Agent => Bilingual::new(format!("坐席 {key}"), format!("Agent {key}")),
        SubjectKind::Channel => Bilingual::new(format!("渠道「{key}」"), format!("Channel {key}")),
    }
}

/// What a kind of rule finds, in a few words.
#[must_use]
pub fn finding(kind: Kind) -> Bilingual {
    let (zh, en) = match kind {
        Kind::Threshold => ("联系量超过上限", "contacts above the limit"),
        Kind::Spike => ("联系量突增", "contacts rise"),
        Kind::CsatFall => ("满意度下降", "satisfaction falls"),
        Kind::Risk => ("出现风险声音", "voices with a risk"),
        Kind::LowRating => ("出现低分评价", "bad ratings"),
        Kind::NoResultSearch => ("多次搜不到结果", "finds nothing, again and again"),
        Kind::UnhelpfulArticle => ("读者认为没有帮助", "does not help its readers"),
        Kind::AgentDrift => ("偏离本人往常水平", "drifts from the own baseline"),
        Kind::Phrase => ("客户提到关注的话", "customers say a watched phrase"),
        Kind::SilentSource => ("数据中断", "is silent"),
        Kind::NewTopic => ("新出现的话题", "a new topic"),
    };
    Bilingual::new(zh, en)
}

/// What the issue of a signal is about, in a few words: an opportunity is nobody's fault.
#[must_use]
pub fn matter(kind: IssueKind, signal: &Signal) -> Bilingual {
    match kind {
        IssueKind::Problem => finding(signal.kind),
        IssueKind::Opportunity => Bilingual::new("很多客户想要", "many customers ask for it"),
        IssueKind::ChurnRisk => Bilingual::new("客户说要离开", "customers say that they leave"),
    }
}

/// The one line of an issue that a signal opens.
#[must_use]
pub fn heading(kind: IssueKind, signal: &Signal, scope: &Scope, topics: &[Topic]) -> Bilingual {
    let name = subject_name(signal, topics);
    let what = matter(kind, signal);
    let place: Vec<&str> = [scope.channel.as_deref(), scope.region.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let (mut zh, mut en) = (name.zh, name.en);
    if !place.is_empty() {
        zh.push_str(&format!("（{}）", place.join("、")));
        en.push_str(&format!(" ({})", place.join(", ")));
    }
    Bilingual::new(format!("{zh}：{}", what.zh), format!("{en}: {}", what.en))
}
