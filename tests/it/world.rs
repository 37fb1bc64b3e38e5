//! The organisation that the tests speak of: a telecom operator with two departments, two topics, and
//! customers who complain in sentences of ours.

use chrono::NaiveDate;
use serde_json::{Value, json};
use tests::{Caller, Server, time, until};

/// The topic of the story.
pub const TOPIC: &str = "套餐资费争议";
/// Another topic, for voices that are about something else.
pub const OTHER: &str = "宽带断网";
/// Owner of [`TOPIC`].
pub const PRODUCT: &str = "资费产品部";
/// First owner there: reads Chinese.
pub const LI: &str = "li.mei@telecom.example";
/// Another department.
pub const SERVICE: &str = "客户服务部";
/// First owner there: reads English.
pub const EMMA: &str = "emma@telecom.example";
/// The detector of the story.
pub const DETECTOR: &str = "资费争议每日上限";

/// What customers say of [`TOPIC`]; the last one says nothing of money and plans twice.
pub const COMPLAINTS: [&str; 8] = [
    "这个月的套餐费比办的时候说的贵了二十块，没有人告诉过我。",
    "资费写得太复杂，看了半天也不明白月租到底怎么算。",
    "想把套餐降到便宜一档，客服说合约期没到不给改，很生气。",
    "套餐外流量扣了八十多，资费提醒短信一条都没收到。",
    "老用户的月租比新用户贵一倍，这样的资费不公平。",
    "优惠到期自动恢复原价，套餐资费悄悄涨了，太失望了。",
    "说好的套餐月租含宽带，账单上又单独收了一份资费。",
    "最低消费是什么？办套餐的时候根本没说清楚资费。",
];

/// What customers say of [`OTHER`].
pub const OUTAGES: [&str; 3] = [
    "家里宽带从早上断网到现在，光猫一直亮红灯。",
    "宽带每天晚上掉线三四次，重启路由器也没用。",
    "断网两天了，维修还没有上门，宽带费照扣。",
];

/// Organisation, departments, topics; no detector yet.
pub fn furnish(admin: &Caller) {
    let organisation = json!({"name": "云信通讯", "zone": time::zone().name(), "locale": "zh-CN"});
    admin.put("/api/v1/organisation", &organisation).ok();
    let owner = |email: &str, name: &str, language: &str| json!({"email": email, "name": name, "language": language, "time_zone": "Asia/Shanghai"});
    let departments = [
        (
            PRODUCT,
            vec![
                owner(LI, "李梅", "zh-CN"),
                owner("wang.tao@telecom.example", "王涛", "zh-CN"),
            ],
        ),
        (SERVICE, vec![owner(EMMA, "Emma Stone", "en")]),
    ];
    for (key, owners) in departments {
        let body = json!({"key": key, "name": key, "owners": owners});
        admin.put(&format!("/api/v1/departments/{key}"), &body).ok();
    }
    let topics = [
        json!({"key": TOPIC, "name": TOPIC, "name_en": "Plan and tariff disputes", "owner_department": PRODUCT,
               "words": ["套餐", "资费", "月租", "最低消费"], "synonyms": {"月费": "月租"}, "demand_type": "failure"}),
        json!({"key": OTHER, "name": OTHER, "name_en": "Broadband outages", "owner_department": SERVICE,
               "words": ["宽带", "断网", "掉线", "光猫"]}),
    ];
    for topic in topics {
        let key = topic["key"].as_str().expect("a key");
        admin.put(&format!("/api/v1/topics/{key}"), &topic).ok();
    }
}

/// The detector of the story: more than 50 contacts a day.
pub fn watch(admin: &Caller) {
    let body = json!({"key": DETECTOR, "kind": "threshold", "scope": {"topic": TOPIC},
                      "params": {"limit": 50, "window": "1d"}, "enabled": true});
    admin
        .put(&format!("/api/v1/detectors/{DETECTOR}"), &body)
        .ok();
}

/// A contact about [`TOPIC`].
pub fn contact(id: &str, at: &str, n: usize) -> Value {
    json!({"channel": "phone", "external_id": id, "occurred_at": at, "kind": "call",
           "text": COMPLAINTS[n % COMPLAINTS.len()], "customer_ref": format!("customer-{id}")})
}

/// Contacts about [`TOPIC`] on each of `days`, `a_day` of them rated, the share `satisfied` of those
/// with a good mark, as evenly as whole numbers allow.
pub fn rated(
    prefix: &str,
    days: impl IntoIterator<Item = NaiveDate>,
    a_day: u32,
    satisfied: f64,
) -> Vec<Value> {
    let mut all = Vec::new();
    for day in days {
        for n in 0..a_day {
            let place = all.len();
            let level = |n: usize| (n as f64 * satisfied + 1e-9).floor();
            let good = level(place + 1) > level(place);
            let mut voice = contact(
                &format!("{prefix}-{day}-{n}"),
                &time::on(day, n * 300),
                place,
            );
            voice["rating"] = json!(if good {
                [4, 5][place % 2]
            } else {
                [1, 2][place % 2]
            });
            voice["rating_max"] = json!(5);
            all.push(voice);
        }
    }
    all
}

/// The days from `from` to `to` days ago, both included.
pub fn days_ago(from: u64, to: u64) -> impl Iterator<Item = NaiveDate> {
    (to..=from).rev().map(time::ago)
}

/// Sends voices as NDJSON and waits until they are analysed; all must be new and good.
pub fn send(caller: &Caller, voices: &[Value]) {
    for part in voices.chunks(2000) {
        let receipt = caller
            .post_lines("/api/v1/feedback?wait=analysed", part)
            .ok();
        assert_eq!(receipt["rejected"], json!([]), "{receipt}");
        assert_eq!(receipt["accepted"], part.len(), "{receipt}");
        assert_eq!(receipt["analysed"], true, "{receipt}");
    }
}

/// All issues, whatever their state.
pub fn issues(caller: &Caller) -> Vec<Value> {
    caller.get("/api/v1/issues?limit=500").items()
}

/// The task as it is now.
pub fn task(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/api/v1/tasks/{id}")).ok()
}

/// A text field of an object.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field} in {value}"))
}

/// Waits until nothing waits to be sent; answers everything in the outbox.
pub fn sent(server: &Server) -> Vec<Value> {
    let admin = server.admin();
    until("everything in the outbox is sent or given up", || {
        let all = admin.get("/api/v1/outbox?limit=500").items();
        all.iter()
            .all(|d| matches!(text(d, "state"), "sent" | "dead"))
            .then_some(all)
    })
}

/// The field of a JSON object, which must be a number.
pub fn number(value: &Value, pointer: &str) -> f64 {
    value
        .pointer(pointer)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no number {pointer} in {value}"))
}

/// The sum of a metric over facts of a topic.
pub fn fact(caller: &Caller, metric: &str, topic: &str, more: &str) -> f64 {
    let reply = caller
        .get(&format!(
            "/api/v1/facts?metric={metric}&topic={topic}{more}"
        ))
        .ok();
    reply["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|i| i["value"].as_f64().unwrap_or(0.0))
        .sum()
}
