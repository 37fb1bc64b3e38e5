//! Which column of a customer's file is which field.
//!
//! Three sources, the stronger first: what a person says ([`Options::explicit`]), what the header
//! says (a dictionary of Chinese and English headers), what the values look like. Where two columns
//! want one field, the better match has it and a warning names the other.

use super::feedback::{FIELDS, Incoming, IncomingTurn, MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTES};
use super::values::{
    ExcelEpoch, Mark, Scalar, is_blank, parse_mark, parse_number, parse_seconds, parse_time,
};
use crate::text::fold;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

/// Where a column goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A field of [`Incoming`].
    Field(String),
    /// An entry of `attributes`.
    Attribute(String),
    /// Nowhere.
    Ignored,
}

/// Why a column goes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A person said so.
    Explicit,
    /// The header is in the dictionary.
    Header,
    /// The values look like it.
    Values,
    /// Nothing says anything.
    Unknown,
}

/// One column of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Position, from 0.
    pub index: usize,
    /// The header as it stands in the file.
    pub header: String,
    /// Where it goes.
    pub target: Target,
    /// Why.
    pub reason: Reason,
    /// What its numbers are multiplied by: 60 for minutes, 100 for yuan.
    pub factor: f64,
}

/// Something a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable: `column_ignored`, `column_conflict`, `guessed_from_values`, `topic_candidate`,
    /// `rating_scale_guessed`, `no_text`, `no_time`, `no_header`, `too_many_attributes`.
    pub code: String,
    /// For people, English; names headers, never values.
    pub detail: String,
}

impl Warning {
    /// A warning.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
        }
    }
}

/// A mapping that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The mapping names a field that does not exist.
    #[error("unknown field {0:?} in the mapping")]
    UnknownField(String),
    /// The mapping names a column that the file does not have.
    #[error("the file has no column {0:?}")]
    UnknownColumn(String),
    /// The mapping gives one field twice.
    #[error("the mapping gives {0:?} to two columns")]
    Twice(String),
    /// The mapping is no JSON object of texts.
    #[error("a mapping is an object {{\"header\": \"field\"}}")]
    Shape,
}

/// What a person says about the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Header → field, `attribute:NAME`, `attribute` or `ignore`.
    pub explicit: BTreeMap<String, String>,
    /// Header of the column whose values are topics.
    pub topics_from: Option<String>,
    /// Whether unknown columns become attributes; else they are ignored with a warning.
    pub attributes: bool,
}

impl Options {
    /// Reads `{"header": "field" | null}`.
    pub fn explicit_from_json(text: &str) -> Result<BTreeMap<String, String>, MappingError> {
        let map: BTreeMap<String, Option<String>> =
            serde_json::from_str(text).map_err(|_| MappingError::Shape)?;
        Ok(map
            .into_iter()
            .map(|(k, v)| (k, v.unwrap_or_else(|| "ignore".to_owned())))
            .collect())
    }
}

/// The columns of a file and what they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// All columns, by position.
    pub columns: Vec<Column>,
    /// Best mark of the scale, where header or values say it is not 5.
    pub rating_max: Option<f64>,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

// ---------------------------------------------------------------- the dictionary

/// Header (normalised) → field and how sure that is, 1 to 100. The field `ignore` is a column that is
/// known and has no field: its values must not be guessed at. `topic?` may serve as topic when asked.
const DICTIONARY: &[(&str, u8, &str)] = &[
    (
        "channel",
        100,
        "channel 渠道 渠道名称 来源渠道 受理渠道 投诉渠道 反馈渠道 接入渠道 数据来源 来源",
    ),
    (
        "external_id",
        100,
        "externalid id 编号 序号id 工单编号 工单号 工单id 受理编号 受理单号 投诉编号 投诉单号 会话id 会话编号 通话id 录音流水号 流水号 \
         接触流水号 呼叫流水号 业务流水号 留言编号 评论id 评价id 反馈编号 反馈id 记录编号 记录id 案件编号 事件编号 诉求编号 单号 ticketid \
         ticketno ticketnumber caseid casenumber reviewid commentid messageid conversationid callid feedbackid recordid uuid tweetid",
    ),
    ("external_id", 40, "序号 no 订单编号 订单号 orderid"),
    (
        "occurred_at",
        100,
        "occurredat 受理时间 受理日期 来电时间 来电日期 呼入时间 通话时间 通话开始时间 进线时间 会话时间 会话开始时间 投诉时间 投诉日期 \
         反馈时间 反馈日期 留言时间 留言日期 评论时间 评论日期 评价时间 评价日期 发表时间 发布时间 发布日期 提交时间 提交日期 工单时间 \
         诉求时间 反映时间 点评时间 点评日期 咨询时间 接触时间 at createdat reviewdate reviewtime commenttime tweetcreated \
         postedat submittedat",
    ),
    (
        "occurred_at",
        80,
        "创建时间 创建日期 建单时间 登记时间 登记日期 录入时间 时间 日期 date time datetime timestamp createtime createddate createdtime \
         created 发生时间 开始时间 starttime startedat 工单创建时间",
    ),
    (
        "occurred_at",
        40,
        "购买时间 购买日期 下单时间 订单时间 入住日期 办理时间 orderdate purchasedate",
    ),
    (
        "text",
        100,
        "text 工单内容 投诉内容 反馈内容 留言内容 留言详情 评论内容 评价内容 点评内容 来电内容 咨询内容 诉求内容 反映内容 受理内容 问题描述 \
         内容 正文 客户反馈 客户原话 客户诉求 用户评论 用户反馈 用户评价 会话内容 聊天内容 聊天记录 对话内容 通话内容 通话文本 转写文本 转写内容 \
         录音文本 语音转写 对话文本 content review reviewtext reviewbody reviewcontent comment comments commenttext feedback message \
         body transcript 文本 原文 comentario verbatim tweet",
    ),
    (
        "text",
        70,
        "描述 详情 事项描述 备注内容 评论 评价 点评 留言 description details text内容 开放题 意见建议 建议 意见 reason",
    ),
    ("turns", 100, "turns"),
    ("kind", 100, "kind 反馈类别 声音类型"),
    (
        "rating",
        100,
        "rating 满意度 满意度评价 满意度得分 满意度评分 满意度分值 客户满意度 服务满意度 评价结果 评价星级 星级 评分 评价等级 打分 总评分 \
         score stars star starrating overallrating csat csatscore satisfaction reviewrating",
    ),
    (
        "rating",
        70,
        "得分 分数 评级 好评度 综合评分 总分 用户评分 会员评分 满意情况 是否满意 评价分 grade",
    ),
    ("rating_max", 100, "ratingmax 满分"),
    (
        "nps",
        100,
        "nps nps得分 nps评分 推荐意愿 推荐度 推荐分 npsscore",
    ),
    ("ces", 100, "ces ces得分 费力度 客户费力度 cesscore"),
    (
        "invited",
        100,
        "invited 是否邀评 是否邀请评价 邀评 是否推送评价",
    ),
    (
        "customer_ref",
        100,
        "customerref 客户编号 客户id 客户号 客户标识 客户手机号 客户电话 用户id 用户编号 用户标识 用户名 用户 会员id 会员编号 会员号 会员名 来电号码 \
         主叫号码 联系电话 手机号 手机号码 联系方式 留言用户 留言人 投诉人 评论人 评论者 买家 买家昵称 昵称 username userid user customerid customer \
         author reviewer name 姓名 客户姓名 用户昵称 客户名称 uid memberid phone",
    ),
    (
        "customer_tier",
        100,
        "customertier 客户等级 客户级别 会员等级 会员级别 用户等级 用户级别 客户星级 vip等级 tier 客户类型 客户类别 membertier",
    ),
    (
        "agent_ref",
        100,
        "agentref 坐席工号 座席工号 坐席 座席 坐席编号 座席编号 客服工号 工号 坐席id 坐席姓名 座席姓名 客服 客服姓名 客服人员 受理人 受理人员 \
         受理工号 处理人工号 话务员 话务员工号 员工工号 agent agentid agentname operator",
    ),
    ("agent_ref", 60, "处理人 处理人员 经办人 接待客服"),
    (
        "team",
        100,
        "team 班组 坐席班组 团队 所属班组 技能组 客服组 小组 受理班组 skillgroup agentteam",
    ),
    (
        "region",
        100,
        "region 地区 区域 地市 城市 省份 省 归属地 号码归属地 客户归属地 归属地市 所属地区 所属区域 受理地市 city province 区县 所在地",
    ),
    (
        "business_line",
        100,
        "businessline 业务类型 业务类别 业务线 产品类型 产品类别 业务名称 业务 产品线 产品 businesstype productline",
    ),
    ("language", 100, "language lang 语言 语种"),
    (
        "title",
        100,
        "title 标题 主题 工单标题 工单主题 投诉主题 留言主题 留言标题 评论标题 评价标题 诉求标题 反馈标题 reviewtitle subject headline summary",
    ),
    ("url", 100, "url 链接 网址 原文链接 link permalink"),
    (
        "thread_id",
        100,
        "threadid 会话组id 关联工单号 主单号 对话id sessionid 会话标识",
    ),
    (
        "process_step",
        100,
        "processstep 环节 业务环节 办理环节 流程环节 旅程环节 stage step",
    ),
    (
        "handle_seconds",
        100,
        "handleseconds 处理时长 总处理时长 平均处理时长 服务时长 处理耗时 handletime aht handlingtime",
    ),
    (
        "talk_seconds",
        100,
        "talkseconds 通话时长 通话时间长度 呼叫时长 对话时长 会话时长 talktime duration callduration 录音时长 时长",
    ),
    (
        "after_seconds",
        100,
        "afterseconds 话后时长 话后处理时长 事后处理时长 整理时长 acw 案面时长 aftercallwork wraptime",
    ),
    (
        "response_seconds",
        100,
        "responseseconds 响应时长 首次响应时长 首响时长 平均响应时长 等待时长 排队时长 responsetime firstresponsetime",
    ),
    (
        "resolved",
        100,
        "resolved 是否解决 解决情况 是否已解决 解决状态 问题是否解决 issolved isresolved",
    ),
    (
        "resolved_first_contact",
        100,
        "resolvedfirstcontact 是否一次解决 一次解决 首次解决 是否首次解决 首解 fcr firstcontactresolution",
    ),
    (
        "handled_by",
        100,
        "handledby 服务方式 接待方式 处理方式 受理方式",
    ),
    (
        "transferred",
        100,
        "transferred 是否转接 是否转人工 转接 是否转派",
    ),
    (
        "script_score",
        100,
        "scriptscore 质检得分 质检分数 质检分 话术得分 质检评分 qascore qualityscore",
    ),
    (
        "compensation_cents",
        100,
        "compensationcents 补偿金额 赔付金额 赔偿金额 补偿 赔付 compensation",
    ),
    (
        "query",
        100,
        "query 搜索词 检索词 搜索内容 关键词 搜索关键词 searchterm keyword",
    ),
    (
        "hits",
        100,
        "hits 命中数 结果数 搜索结果数 results resultcount",
    ),
    (
        "article",
        100,
        "article 文章 文章id 文章编号 知识编号 知识标题 articleid",
    ),
    ("helpful", 100, "helpful 是否有用 是否有帮助 washelpful"),
    ("topic", 100, "topic 问题主题 主题分类 主题标签 主题编码"),
    (
        "topic?",
        100,
        "问题类型 问题分类 问题类别 一级分类 二级分类 三级分类 一级标签 二级标签 投诉类型 投诉分类 投诉类别 工单类型 工单分类 工单类别 诉求类型 \
       诉求分类 反馈类型 反馈分类 咨询类型 服务请求类型 业务分类 分类 类别 类型 标签 category label labels type cat",
    ),
    (
        "cause",
        100,
        "cause 原因 问题原因 投诉原因 原因分类 责任原因 rootcause negativereason",
    ),
    (
        "sentiment",
        100,
        "sentiment 情感 情感倾向 情感标签 情绪 情感极性 airlinesentiment polarity",
    ),
    (
        "attributes",
        100,
        "attributes extra 附加信息 扩展字段 扩展信息 metadata custom customfields",
    ),
    (
        "ignore",
        100,
        "回复时间 回复日期 答复时间 答复日期 答复意见 答复内容 回复内容 商家回复 商家回复内容 客服回复 处理结果 处理意见 处理时间 处理日期 \
         完成时间 办结时间 结束时间 关闭时间 结案时间 更新时间 修改时间 最后更新时间 到期时间 截止时间 出生日期 生日 点赞数 回复数 评论数 点赞数量 回复数量 \
         追评内容 追评时间 价格 单价 replycontent repliedat reply updatedat closedat resolvedat birthday price likes thumbsupcount \
         endtime finishedat",
    ),
];

fn dictionary() -> &'static HashMap<String, (&'static str, u8)> {
    static MAP: OnceLock<HashMap<String, (&'static str, u8)>> = OnceLock::new();
    MAP.get_or_init(|| {
        let mut map = HashMap::new();
        for (field, sure, headers) in DICTIONARY {
            for header in headers.split_whitespace() {
                map.entry(header.to_owned()).or_insert((*field, *sure));
            }
        }
        map
    })
}

/// A header without width, case, spaces, signs and brackets: `评价内容（内容）` → (`评价内容`, `内容`),
/// `通话时长 (秒)` → (`通话时长`, `秒`), `Created_At` → (`createdat`, ``).
#[must_use]
pub fn normalise_header(header: &str) -> (String, String) {
    let folded = fold(header);
    let (mut base, mut inside) = (String::new(), String::new());
    let mut depth = 0u32;
    for c in folded.text.chars() {
        match c {
            '(' | '[' | '【' | '{' | '<' | '〔' | '「' => depth += 1,
            ')' | ']' | '】' | '}' | '>' | '〕' | '」' => depth = depth.saturating_sub(1),
            c if c.is_whitespace()
                || matches!(
                    c,
                    '_' | '-' | '*' | ':' | '"' | '\'' | '#' | '?' | '.' | '\u{feff}'
                ) => {}
            c if depth > 0 => inside.push(c),
            c => base.push(c),
        }
    }
    if base.is_empty() {
        (inside, String::new())
    } else {
        (base, inside)
    }
}

/// What the dictionary says of a header.
fn look_up(header: &str) -> Option<(&'static str, u8)> {
    let (base, inside) = normalise_header(header);
    let map = dictionary();
    if let Some(found) = map.get(&base) {
        return Some(*found);
    }
    // A path of JSON exports: `review.text`; the bracket alone: `字段3（评论内容）`.
    if let Some(last) = header
        .rsplit(['.', '/', '|'])
        .next()
        .filter(|l| l.len() < header.len())
        && let Some((field, sure)) = map.get(&normalise_header(last).0)
    {
        return Some((field, sure - 10));
    }
    if !inside.is_empty()
        && let Some((field, sure)) = map.get(&inside)
    {
        return Some((field, sure - 10));
    }
    // The longest known header that ends (Chinese) this one: `10086工单内容`, `本次服务满意度`.
    let ends = |known: &&String| {
        known.chars().count() >= 3 && !known.is_ascii() && base.ends_with(known.as_str())
    };
    if let Some(known) = map
        .keys()
        .filter(ends)
        .max_by_key(|k| (k.len(), (*k).clone()))
    {
        let (field, sure) = map[known];
        return Some((field, sure.saturating_sub(30).max(1)));
    }
    None
}

/// Whether the values of a duration or an amount need a factor: header `（分钟）` → 60, yuan → 100.
fn factor(field: &str, header: &str) -> f64 {
    let (base, inside) = normalise_header(header);
    let says = |unit: &str| inside.contains(unit) || base.ends_with(unit);
    match field {
        "handle_seconds" | "talk_seconds" | "after_seconds" | "response_seconds" => {
            if says("毫秒") || inside == "ms" {
                0.001
            } else if says("分钟") || inside == "分" || inside == "min" || inside == "minutes" {
                60.0
            } else if says("小时") || inside == "h" || inside == "hours" {
                3600.0
            } else {
                1.0
            }
        }
        "compensation_cents" if base == "compensationcents" || inside == "分" => 1.0,
        "compensation_cents" => 100.0,
        _ => 1.0,
    }
}

/// `得分（10分制）`, `满意度(满分100)`, `评分(1-10)`: the best mark that the header names.
fn scale_of_header(header: &str) -> Option<f64> {
    let (base, inside) = normalise_header(header);
    for text in [inside, base] {
        let digits: Vec<&str> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|d| !d.is_empty())
            .collect();
        let tells = text.contains("分制")
            || text.contains("满分")
            || text.contains('~')
            || digits.len() == 2;
        if let Some(last) = digits.last().filter(|_| tells)
            && let Ok(max) = last.parse::<f64>()
            && matches!(last.len(), 1..=3)
            && (2.0..=100.0).contains(&max)
        {
            return Some(max);
        }
    }
    None
}

// ---------------------------------------------------------------- header rows

/// Where the header stands among the first rows: `Some(n)` after `n` title rows, `None` where the
/// file has no header.
#[must_use]
pub fn header_row(rows: &[Vec<String>]) -> Option<usize> {
    let known = |row: &[String]| {
        row.iter()
            .filter(|c| !c.trim().is_empty() && look_up(c).is_some())
            .count()
    };
    let filled = |row: &[String]| row.iter().filter(|c| !c.trim().is_empty()).count();
    let looks_like_header = |row: &[String]| {
        row.iter()
            .filter(|c| !c.trim().is_empty())
            .all(|c| c.chars().count() <= 40 && !is_value(c))
    };
    let best = rows
        .iter()
        .take(20)
        .enumerate()
        .filter(|(_, row)| looks_like_header(row))
        .map(|(i, row)| (known(row), i))
        .filter(|(hits, i)| {
            *hits >= 2
                || (*hits == 1 && (filled(&rows[*i]) == 1 || *i == 0 || filled(&rows[*i]) >= 3))
        })
        .max_by_key(|(hits, i)| (*hits, usize::MAX - i));
    if let Some((hits, i)) = best {
        // A lone title such as 「评论」 above a wider header is no header.
        let wider_below =
            rows.iter().skip(i + 1).take(5).any(|r| filled(r) >= 3) && filled(&rows[i]) == 1;
        if hits >= 2 || !wider_below {
            return Some(i);
        }
    }
    // No known word: the first full row of short words above rows with values.
    let widest = rows.iter().take(50).map(|r| filled(r)).max().unwrap_or(0);
    let i = rows
        .iter()
        .take(20)
        .position(|r| filled(r) == widest && widest > 0)?;
    let below_has_values = rows
        .iter()
        .skip(i + 1)
        .take(20)
        .any(|r| r.iter().any(|c| is_value(c) || c.chars().count() > 40));
    (looks_like_header(&rows[i]) && below_has_values && rows.len() > i + 1).then_some(i)
}

/// Whether a cell is a number or a time: no header is.
fn is_value(cell: &str) -> bool {
    let t = cell.trim();
    if t.is_empty() {
        return false;
    }
    matches!(parse_number(&Scalar::from(t)), Ok(Some(_)))
        || matches!(
            parse_time(&Scalar::from(t), chrono_tz::UTC, ExcelEpoch::Y1900),
            Ok(Some(_))
        )
}

// ---------------------------------------------------------------- guessing

/// Decides what each column is. `rows` are the first rows below the header.
pub fn guess(
    headers: &[String],
    rows: &[Vec<String>],
    options: &Options,
) -> Result<Mapping, MappingError> {
    let mut columns: Vec<Column> = headers
        .iter()
        .enumerate()
        .map(|(index, header)| Column {
            index,
            header: header.clone(),
            target: Target::Ignored,
            reason: Reason::Unknown,
            factor: 1.0,
        })
        .collect();
    let mut warnings = Vec::new();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();

    let mut explicit = options.explicit.clone();
    if let Some(header) = &options.topics_from {
        explicit.insert(header.clone(), "topic".to_owned());
    }
    for (header, target) in &explicit {
        let index = find_column(headers, header)
            .ok_or_else(|| MappingError::UnknownColumn(header.clone()))?;
        let target = match target.trim() {
            "ignore" | "ignored" | "" => Target::Ignored,
            "attribute" => Target::Attribute(attribute_name(header)),
            name => match name.strip_prefix("attribute:") {
                Some(name) => Target::Attribute(attribute_name(name)),
                None if FIELDS.contains(&name) => {
                    if taken
                        .insert(name.to_owned(), index)
                        .is_some_and(|i| i != index)
                    {
                        return Err(MappingError::Twice(name.to_owned()));
                    }
                    columns[index].factor = factor(name, header);
                    Target::Field(name.to_owned())
                }
                None => return Err(MappingError::UnknownField(name.to_owned())),
            },
        };
        columns[index].target = target;
        columns[index].reason = Reason::Explicit;
    }

    // Headers, the surest first; among equals the first column.
    let mut candidates: Vec<(u8, usize, &'static str)> = Vec::new();
    let mut known = vec![false; headers.len()];
    let mut topic_candidates = Vec::new();
    for (index, header) in headers.iter().enumerate() {
        if columns[index].reason == Reason::Explicit || header.trim().is_empty() {
            continue;
        }
        match look_up(header) {
            None => {}
            Some(("ignore", _)) => known[index] = true,
            Some(("topic?", _)) => {
                known[index] = true;
                topic_candidates.push(header.clone());
            }
            Some((field, sure)) => candidates.push((sure, index, field)),
        }
    }
    candidates.sort_by_key(|(sure, index, _)| (u8::MAX - sure, *index));
    for (_, index, field) in candidates {
        known[index] = true;
        if let Some(other) = taken.get(field) {
            warnings.push(Warning::new(
                "column_conflict",
                format!(
                    "{:?} could be {field} too, but {:?} fits better",
                    headers[index], headers[*other]
                ),
            ));
            continue;
        }
        taken.insert(field.to_owned(), index);
        columns[index].target = Target::Field(field.to_owned());
        columns[index].reason = Reason::Header;
        columns[index].factor = factor(field, &headers[index]);
    }
    if !topic_candidates.is_empty() && !taken.contains_key("topic") {
        warnings.push(Warning::new(
            "topic_candidate",
            format!("topics could come from {}", quoted(&topic_candidates)),
        ));
    }

    guess_from_values(
        headers,
        rows,
        &known,
        &mut columns,
        &mut taken,
        &mut warnings,
    );

    let mut ignored = Vec::new();
    let mut attributes = columns
        .iter()
        .filter(|c| matches!(c.target, Target::Attribute(_)))
        .count();
    for column in &mut columns {
        if column.reason == Reason::Explicit || matches!(column.target, Target::Field(_)) {
            continue;
        }
        if options.attributes && !column.header.trim().is_empty() {
            if attributes < MAX_ATTRIBUTES {
                column.target = Target::Attribute(attribute_name(&column.header));
                attributes += 1;
                continue;
            }
            warnings.push(Warning::new(
                "too_many_attributes",
                format!(
                    "{:?} is left out: a voice has at most {MAX_ATTRIBUTES} attributes",
                    column.header
                ),
            ));
        }
        if !column.header.trim().is_empty() {
            ignored.push(column.header.clone());
        }
    }
    if !ignored.is_empty() {
        warnings.push(Warning::new(
            "column_ignored",
            format!("not used: {}", quoted(&ignored)),
        ));
    }
    let mut rating_max = None;
    if let Some(index) = taken.get("rating")
        && !taken.contains_key("rating_max")
    {
        rating_max = scale_of_header(&headers[*index]).or_else(|| scale_of_values(rows, *index));
        if let Some(max) = rating_max.filter(|max| *max != 5.0) {
            warnings.push(Warning::new(
                "rating_scale_guessed",
                format!("{:?} is read as marks of 1 to {max}", headers[*index]),
            ));
        }
    }
    let has = |field: &str| taken.contains_key(field);
    if !has("text") && !has("turns") && !has("query") && !has("article") {
        warnings.push(Warning::new(
            "no_text",
            "no column holds the customer's words",
        ));
    }
    if !has("occurred_at") {
        warnings.push(Warning::new(
            "no_time",
            "no column holds the time: voices will be undated",
        ));
    }
    Ok(Mapping {
        columns,
        rating_max,
        warnings,
    })
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|n| format!("{n:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn find_column(headers: &[String], wanted: &str) -> Option<usize> {
    headers
        .iter()
        .position(|h| h.trim() == wanted.trim())
        .or_else(|| {
            let wanted = normalise_header(wanted);
            headers.iter().position(|h| normalise_header(h) == wanted)
        })
}

fn attribute_name(header: &str) -> String {
    let mut name = String::new();
    for c in header.trim().chars().filter(|c| !c.is_control()) {
        if name.len() + c.len_utf8() > MAX_ATTRIBUTE_NAME {
            break;
        }
        name.push(c);
    }
    name
}

/// The scale of a column of plain numbers: 10 or 100 where marks go beyond 5.
fn scale_of_values(rows: &[Vec<String>], index: usize) -> Option<f64> {
    let mut most = 0.0f64;
    for row in rows {
        let Some(cell) = row.get(index) else { continue };
        if let Ok(Mark::Rated { value, max: None }) = parse_mark(&Scalar::from(cell.as_str())) {
            most = most.max(value);
        }
    }
    match most {
        m if m > 10.0 && m <= 100.0 => Some(100.0),
        m if m > 5.0 && m <= 10.0 => Some(10.0),
        _ => None,
    }
}

fn guess_from_values(
    headers: &[String],
    rows: &[Vec<String>],
    known: &[bool],
    columns: &mut [Column],
    taken: &mut BTreeMap<String, usize>,
    warnings: &mut Vec<Warning>,
) {
    let open = |columns: &[Column], i: usize| {
        !known[i]
            && columns[i].reason == Reason::Unknown
            && matches!(columns[i].target, Target::Ignored)
    };
    let cells = |i: usize| {
        rows.iter()
            .filter_map(move |r| r.get(i))
            .map(|c| c.trim())
            .filter(|c| !is_blank(c))
            .take(200)
    };
    let share = |i: usize, is: &dyn Fn(&str) -> bool| {
        let (mut n, mut hits) = (0usize, 0usize);
        for cell in cells(i) {
            n += 1;
            hits += usize::from(is(cell));
        }
        if n == 0 { 0.0 } else { hits as f64 / n as f64 }
    };
    let mut give =
        |columns: &mut [Column], taken: &mut BTreeMap<String, usize>, field: &str, i: usize| {
            columns[i].target = Target::Field(field.to_owned());
            columns[i].reason = Reason::Values;
            taken.insert(field.to_owned(), i);
            warnings.push(Warning::new(
                "guessed_from_values",
                format!(
                    "{:?} is taken for {field} because of its values",
                    headers[i]
                ),
            ));
        };
    if !taken.contains_key("occurred_at") {
        let other_time = |h: &str| {
            let h = normalise_header(h).0;
            [
                "生", "到期", "回复", "答复", "更新", "修改", "截止", "有效", "birth", "updat",
                "expire", "reply", "due", "end",
            ]
            .iter()
            .any(|w| h.contains(w))
        };
        let is_time = |c: &str| {
            // Plain numbers may be anything: only written times count here.
            c.contains(['-', '/', '年', ':', '.'])
                && matches!(
                    parse_time(&Scalar::from(c), chrono_tz::UTC, ExcelEpoch::Y1900),
                    Ok(Some(_))
                )
        };
        if let Some(i) = (0..headers.len())
            .find(|&i| open(columns, i) && !other_time(&headers[i]) && share(i, &is_time) >= 0.8)
        {
            give(columns, taken, "occurred_at", i);
        }
    }
    if !taken.contains_key("text") && !taken.contains_key("turns") {
        let mean = |i: usize| {
            let (mut n, mut chars) = (0usize, 0usize);
            for cell in cells(i) {
                n += 1;
                chars += cell.chars().count();
            }
            if n == 0 { 0.0 } else { chars as f64 / n as f64 }
        };
        let best = (0..headers.len())
            .filter(|&i| open(columns, i) && share(i, &is_value) < 0.2)
            .map(|i| (i, mean(i)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((i, mean)) = best
            && mean >= 6.0
        {
            give(columns, taken, "text", i);
        }
    }
    if !taken.contains_key("rating") {
        let words = |c: &str| {
            matches!(
                parse_mark(&Scalar::from(c)),
                Ok(Mark::Rated { max: Some(_), .. } | Mark::NotRated)
            )
        };
        let digits = |c: &str| matches!(c, "1" | "2" | "3" | "4" | "5");
        let hint = |h: &str| {
            let h = normalise_header(h).0;
            ["分", "星", "评", "rat", "scor", "star"]
                .iter()
                .any(|w| h.contains(w))
        };
        if let Some(i) = (0..headers.len()).find(|&i| {
            open(columns, i)
                && (share(i, &words) >= 0.9 || (hint(&headers[i]) && share(i, &digits) >= 0.9))
                && cells(i).next().is_some()
        }) {
            give(columns, taken, "rating", i);
        }
    }
}

// ---------------------------------------------------------------- rows

impl Mapping {
    /// The record of a row. Blank cells are missing fields. `channel` wins over a column.
    #[must_use]
    pub fn incoming(&self, cells: &[String], channel: Option<&str>) -> Incoming {
        let mut incoming = Incoming::default();
        for column in &self.columns {
            let Some(cell) = cells.get(column.index) else {
                continue;
            };
            put(&mut incoming, &column.target, column.factor, cell);
        }
        self.finish(incoming, channel)
    }

    /// The record of a JSON object. Keys that the mapping does not know are left out.
    #[must_use]
    pub fn incoming_from_json(
        &self,
        object: &serde_json::Map<String, serde_json::Value>,
        channel: Option<&str>,
    ) -> Incoming {
        let mut incoming = Incoming::default();
        for column in &self.columns {
            if let Some(value) = object.get(&column.header) {
                put_json(&mut incoming, column, value);
            }
        }
        self.finish(incoming, channel)
    }

    /// The fields that columns are mapped to.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter_map(|c| match &c.target {
            Target::Field(field) => Some(field.as_str()),
            Target::Attribute(_) | Target::Ignored => None,
        })
    }

    fn finish(&self, mut incoming: Incoming, channel: Option<&str>) -> Incoming {
        if let Some(channel) = channel {
            incoming.channel = Some(channel.to_owned());
        }
        if incoming.rating.is_some() && incoming.rating_max.is_none() {
            incoming.rating_max = self.rating_max.map(Scalar::Number);
        }
        incoming
    }
}

/// A JSON value as a cell would hold it.
#[must_use]
pub fn json_cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

fn put_json(incoming: &mut Incoming, column: &Column, value: &serde_json::Value) {
    use serde_json::Value;
    match (&column.target, value) {
        (_, Value::Null) => {}
        (Target::Field(field), Value::Object(object)) if field == "attributes" => {
            for (name, value) in object {
                put(
                    incoming,
                    &Target::Attribute(attribute_name(name)),
                    1.0,
                    &json_cell(value),
                );
            }
        }
        (target, other) => put(incoming, target, column.factor, &json_cell(other)),
    }
}

fn put(incoming: &mut Incoming, target: &Target, factor: f64, cell: &str) {
    let cell = cell.trim();
    if cell.is_empty() {
        return;
    }
    let field = match target {
        Target::Ignored => return,
        Target::Attribute(name) => {
            incoming
                .attributes
                .get_or_insert_default()
                .insert(name.clone(), cell.to_owned());
            return;
        }
        Target::Field(field) => field.as_str(),
    };
    let text = || Some(cell.to_owned());
    let scalar = || Some(Scalar::Text(cell.to_owned()));
    // "-" and "无" in a column of words say that there is no word.
    let word = || Some(cell.to_owned()).filter(|c| !is_blank(c));
    let scaled = |seconds: bool| {
        let scalar = Scalar::Text(cell.to_owned());
        if factor == 1.0 {
            return Some(scalar);
        }
        // A duration with units or colons says itself what it is.
        let plain = parse_number(&scalar);
        match plain {
            Ok(Some(n)) if !(seconds && cell.contains(':')) => Some(Scalar::Number(n * factor)),
            Ok(None) => None,
            _ if parse_seconds(&scalar).is_ok() => Some(scalar),
            _ => Some(scalar),
        }
    };
    match field {
        "channel" => incoming.channel = word(),
        "external_id" => incoming.external_id = word(),
        "occurred_at" => incoming.occurred_at = scalar(),
        "text" => incoming.text = text(),
        "turns" => match serde_json::from_str::<Vec<IncomingTurn>>(cell) {
            Ok(turns) => incoming.turns = Some(turns),
            // Not JSON: a transcript with prefixes.
            Err(_) => incoming.text = text(),
        },
        "kind" => incoming.kind = word(),
        "rating" => incoming.rating = scalar(),
        "rating_max" => incoming.rating_max = scalar(),
        "nps" => incoming.nps = scalar(),
        "ces" => incoming.ces = scalar(),
        "invited" => incoming.invited = scalar(),
        "customer_ref" => incoming.customer_ref = word(),
        "customer_tier" => incoming.customer_tier = word(),
        "agent_ref" => incoming.agent_ref = word(),
        "team" => incoming.team = word(),
        "region" => incoming.region = word(),
        "business_line" => incoming.business_line = word(),
        "language" => incoming.language = word(),
        "title" => incoming.title = word(),
        "url" => incoming.url = word(),
        "thread_id" => incoming.thread_id = word(),
        "process_step" => incoming.process_step = word(),
        "handle_seconds" => incoming.handle_seconds = scaled(true),
        "talk_seconds" => incoming.talk_seconds = scaled(true),
        "after_seconds" => incoming.after_seconds = scaled(true),
        "response_seconds" => incoming.response_seconds = scaled(true),
        "resolved" => incoming.resolved = scalar(),
        "resolved_first_contact" => incoming.resolved_first_contact = scalar(),
        "handled_by" => incoming.handled_by = word(),
        "transferred" => incoming.transferred = scalar(),
        "script_score" => incoming.script_score = scalar(),
        "compensation_cents" => incoming.compensation_cents = scaled(false),
        "query" => incoming.query = text(),
        "hits" => incoming.hits = scalar(),
        "article" => incoming.article = word(),
        "helpful" => incoming.helpful = scalar(),
        "topic" => incoming.topic = word(),
        "cause" => incoming.cause = word(),
        "sentiment" => incoming.sentiment = word(),
        "attributes" => {
            if let Ok(serde_json::Value::Object(object)) = serde_json::from_str(cell) {
                for (name, value) in &object {
                    put(
                        incoming,
                        &Target::Attribute(attribute_name(name)),
                        1.0,
                        &json_cell(value),
                    );
                }
            } else {
                put(
                    incoming,
                    &Target::Attribute("attributes".to_owned()),
                    1.0,
                    cell,
                );
            }
        }
        _ => {}
    }
}
