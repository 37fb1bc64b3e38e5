//! What customers say. Every sentence is made up; the words of each topic are those by which the
//! starter set knows it, because the demo runs through the real classifier and nothing is labelled
//! in advance.
//!
//! A voice is an opening, a matter (by topic and mood), a follow-up (by mood), sometimes personal
//! data that must be masked, and in calls and chats the turns of an agent, whose phrases name other
//! topics on purpose: they must not count.

use super::random::Rng;

/// The matters of a topic.
pub struct Matters {
    /// Complaints.
    pub bad: &'static [&'static str],
    /// The same subject, handled well.
    pub good: &'static [&'static str],
    /// Complaints in English.
    pub bad_en: &'static [&'static str],
    /// The same subject, handled well, in English.
    pub good_en: &'static [&'static str],
}

/// 套餐资费争议.
pub const TARIFF: Matters = Matters {
    bad: &[
        "我的套餐月租从{价}元涨到{贵}元,没有任何人通知我",
        "当初说好{价}元的套餐,用了{月}个月突然变成{贵}元,说是优惠到期",
        "想把{贵}元的套餐降档,被告知合约期没满,要付{罚}元违约金",
        "办套餐的时候根本没说有最低消费,现在每个月都被扣{贵}元",
        "新用户才{价}元,老用户套餐还要{贵}元,资费太不公平了",
        "套餐外费用居然有{罚}元,超出套餐也不提醒一声",
        "改套餐跑了{次}次都不给办,资费规则一次一个说法",
        "宣传页写的资费和实际扣的不一样,隐形消费太多",
        "月租{贵}元,合约期还有{月}个月,想换便宜的资费就是不让换",
    ],
    good: &[
        "咨询套餐降档,十分钟就给办好了,月租从{贵}元降到{价}元",
        "对资费有疑问,解释得很清楚,还帮我换了更合适的套餐",
        "优惠到期之前就提醒了我,主动推荐了{价}元的套餐",
        "套餐外费用核实后退了{罚}元,处理得很公道",
        "改套餐在线上就能办,资费对比一目了然",
        "合约期和违约金都写得明明白白,套餐选得很放心",
    ],
    bad_en: &[
        "My plan went from {价} to {贵} yuan without any notice and nobody can explain the tariff",
        "I was told to pay {罚} yuan to leave the contract early, this was never mentioned when I took the plan",
        "New customers get the plan for {价} yuan while I pay {贵}, the pricing is unfair",
    ],
    good_en: &[
        "The agent explained the tariff clearly and moved me to a cheaper plan in ten minutes",
        "They told me before the discount on my plan ended, great pricing advice",
    ],
};

/// 装机移机延误.
pub const INSTALLATION: Matters = Matters {
    bad: &[
        "预约了{日}装机,安装师傅到现在都没来",
        "移机申请提交{天}天了,一直没人联系我上门",
        "装机改约了{次}次,每次都说师傅临时有事",
        "说好上午上门安装,我请了半天假,结果没人上门",
        "安装师傅来了说没有端口,装不了,白白耽误{天}天",
        "移机工单显示已完成,可是根本没人上门",
        "装机师傅爽约,电话也不接,只能再预约上门",
        "新房{天}天前就报了装机,工期一拖再拖",
    ],
    good: &[
        "安装师傅准时到了,半小时装机完成,走之前还把线理好了",
        "移机第二天就上门,师傅很专业,没有弄脏地板",
        "预约上门的时间很准,装机师傅还教我怎么设置",
        "装机之前先打电话确认,师傅热情又细心",
        "周末申请的移机,周一师傅就装好了,很快",
    ],
    bad_en: &[
        "The technician did not show up for the installation on Monday, I waited the whole morning",
        "My installation appointment was moved {次} times, nobody apologises",
    ],
    good_en: &[
        "The technician arrived on time and finished the installation in half an hour, very professional",
    ],
};

/// 宽带断网.
pub const BROADBAND: Matters = Matters {
    bad: &[
        "家里宽带又断网了,这周已经第{次}次",
        "光猫一直闪红灯,宽带{天}天没恢复",
        "晚上一到八点宽带就掉线,孩子没法上网课",
        "{区}整个小区断网,报修{天}天还没修好",
        "宽带频繁断线,重启光猫和路由器也没用",
        "施工挖断光纤,断网{天}天没有任何说明",
        "路由器正常,光猫没有信号灯,家里没网",
        "连不上网,换了路由器还是掉线,影响居家办公",
    ],
    good: &[
        "宽带断网报修以后两小时就恢复了,效率很高",
        "光猫坏了,当天就免费换了新的,宽带很稳定",
        "打电话说掉线,后台远程重启光猫就好了,很方便",
        "宽带升级以后再也没有掉线,非常满意",
        "维修人员检查了光纤和路由器,讲得很耐心",
    ],
    bad_en: &[
        "Broadband at home has been down for {天} days, the router shows a red light",
        "The broadband outage in our block has lasted {天} days and nobody gives an estimate",
    ],
    good_en: &["The broadband fault was fixed within two hours, great work on the fibre"],
};

/// 手机信号差.
pub const COVERAGE: Matters = Matters {
    bad: &[
        "{区}这边手机没信号,电话都打不出去",
        "电梯里和地下室完全没信号,急事找不到人",
        "搬到{区}以后信号差得很,通话断断续续",
        "附近基站拆了以后信号弱,说了{次}次没人处理",
        "在家里经常显示无服务,要走到阳台才能打电话",
    ],
    good: &[
        "反映{区}信号弱,一周后基站就调好了,现在通话很清楚",
        "地下室加装了设备,终于有信号了,给个好评",
        "信号问题有专人回访,处理得很认真",
    ],
    bad_en: &["No signal at all in our district, calls drop every few minutes, terrible coverage"],
    good_en: &["Signal in our street is excellent since the new antenna, thanks"],
};

/// 账单查询.
pub const BILL: Matters = Matters {
    bad: &[
        "这个月账单比上个月多了{罚}元,明细看不懂",
        "账单金额和扣的钱对不上,差了{罚}元",
        "申请电子发票{天}天了还没有开出来,报销等着用",
        "消费明细只有一个总数,具体项目一概没有",
        "出账以后才发现多扣了{罚}元,要详单还得跑一趟",
    ],
    good: &[
        "账单有疑问,逐条给我讲清楚了,很耐心",
        "电子发票五分钟就收到了,很方便",
        "帮我对账,把消费明细发到邮箱,效率高",
    ],
    bad_en: &["My bill is {罚} yuan higher than last month and the invoice does not say why"],
    good_en: &["They went through the bill line by line with me, very patient"],
};

/// 充值缴费.
pub const TOPUP: Matters = Matters {
    bad: &[
        "充值{价}元一直没到账,钱已经扣了",
        "缴费以后还是停机,等于白交",
        "自动代扣扣了两次,一共多扣{价}元",
        "充错号码想撤回,回复说处理不了",
        "晚上交话费,第二天还没到账,急着用电话",
    ],
    good: &[
        "充值没到账,核实以后马上补上了,处理很快",
        "缴费完立刻复机,很方便",
        "充错号码帮我退回来了,非常感谢",
    ],
    bad_en: &["I made a recharge of {价} yuan and the payment never arrived"],
    good_en: &["The missing recharge was credited at once, thank you"],
};

/// 携号转网.
pub const PORTING: Matters = Matters {
    bad: &[
        "想办携号转网,说我协议未到期,就是不让转",
        "申请转网的授权码发了{次}次都收不到",
        "携转被各种理由拖了{天}天,设障碍太明显",
        "携号转网查询说可以,真去办又说不行,推来推去",
    ],
    good: &[
        "携号转网咨询得很清楚,没有为难我,办得顺利",
        "转网授权码马上就发来了,流程很规范",
        "本来想携转走,挽留的方案很实在,就留下了,挺满意",
    ],
    bad_en: &["Porting my number has been refused {次} times with different excuses"],
    good_en: &["Porting was explained well and the code came in a minute, smooth"],
};

/// 客服等待时间长.
pub const WAITING: Matters = Matters {
    bad: &[
        "打热线排队{分}分钟,转人工一直占线",
        "机器人绕圈,怎么说都转人工不了",
        "一直等,等了{分}分钟没人接,最后自动挂断",
        "转人工要按{次}层菜单,排队前面还有{分}个人",
    ],
    good: &[
        "以前要排队很久,现在转人工一分钟就接通了,进步很大",
        "没怎么等待就接通了,问题一次说清,很满意",
        "排队的时候可以选择回拨,很贴心",
    ],
    bad_en: &["I was on hold for {分} minutes, the waiting queue never moves"],
    good_en: &["Almost no waiting today and a friendly voice, great"],
};

/// APP使用故障.
pub const APP: Matters = Matters {
    bad: &[
        "更新后客户端一打开就闪退,重装也没用",
        "app登录不上,验证码{分}分钟都收不到",
        "客户端白屏,点了没反应,什么都办不了",
        "小程序页面打不开,反馈{次}次没人管",
    ],
    good: &[
        "客户端新版很流畅,查询和办理都方便,好评",
        "app登录问题反馈后当天就修好了,点赞",
        "小程序界面清楚,老人也会用,不错",
    ],
    bad_en: &["The app keeps showing a crash after the update, login is impossible"],
    good_en: &["The new app is fast and the login finally works, nice"],
};

/// A theme that no topic of the starter set explains and that grows in the last weeks.
pub const ESIM: Matters = Matters {
    bad: &[
        "eSIM开通失败,扫码以后一直提示写卡失败",
        "给手表办eSIM,激活了{次}次都开通失败",
        "换了新手机,eSIM转移不过来,写卡失败",
        "eSIM二维码显示已失效,重新申请要{天}天",
        "eSIM激活卡在最后一步,提示开通失败请重试",
    ],
    good: &[
        "eSIM激活顺利,扫码两分钟就能用,很方便",
        "手表eSIM帮我重新写卡,终于激活了,谢谢",
    ],
    bad_en: &["eSIM activation fails every time, the QR code is said to be expired"],
    good_en: &["eSIM activation worked at the second try, thanks"],
};

/// Small talk without any topic.
pub const NOTHING: Matters = Matters {
    bad: &[
        "反映的事情一直没有下文,有点失望",
        "之前说的问题还是老样子,太让人失望了",
        "说了{次}次都没有结果,不想再说了",
    ],
    good: &[
        "谢谢小姑娘,讲话很亲切",
        "问题解决了,祝你们工作顺利",
        "服务不错,继续保持",
        "今天遇到的姐姐非常有耐心",
    ],
    bad_en: &["Still nothing has changed since my last message, disappointing"],
    good_en: &["All good now, thanks a lot"],
};

const OPENINGS: &[&str] = &[
    "",
    "",
    "",
    "",
    "你好,",
    "您好,",
    "麻烦问一下,",
    "我要反映一个情况,",
    "请帮忙看看,",
    "说一下今天的事,",
    "我是多年的用户了,",
];
const BAD_TAILS: &[&str] = &[
    "。",
    "。",
    ",太让人生气了。",
    ",实在不能接受。",
    ",请尽快处理。",
    ",希望给个说法。",
    ",再不解决我就去工信部投诉。",
    ",体验很差。",
    ",真的很失望。",
    ",问了{次}次都没有结果。",
    ",说了{天}天还没解决。",
    "!!",
    ",这也太不负责任了。",
    ",非常不满意。",
    ",到底管不管?",
];
const GOOD_TAILS: &[&str] = &[
    "。",
    "。",
    ",很满意。",
    ",谢谢。",
    ",点赞。",
    ",给五星。",
    ",服务周到。",
    ",值得表扬。",
    ",继续保持。",
    ",比我想的快多了。",
    ",非常感谢。",
];
const BAD_TAILS_EN: &[&str] = &[
    ".",
    ", very disappointing.",
    ". Please fix this.",
    ", I am really annoyed.",
    "!",
];
const GOOD_TAILS_EN: &[&str] = &[".", ", thank you.", ", very satisfied.", "!"];

/// Greetings name other topics on purpose: agents' phrases do not count.
const GREETINGS: &[&str] = &[
    "您好,远信通信,很高兴为您服务。",
    "您好,请问是套餐、账单还是宽带方面的问题?",
    "您好,这里是远信在线,请问有什么可以帮您?",
    "您好,感谢等待,请问需要办理充值、携号转网还是报修?",
];
const ANSWERS: &[&str] = &[
    "请您稍等,我查一下。",
    "给您添麻烦了,非常抱歉。",
    "我已经记录下来,会转给相关部门。",
    "好的,我帮您核实一下。",
    "理解您的心情,我们马上处理。",
];
const BAD_REPLIES: &[&str] = &[
    "每次都这么说",
    "那要到什么时候",
    "我已经说了{次}遍了",
    "行吧,尽快",
    "希望这次是真的",
];
const GOOD_REPLIES: &[&str] = &[
    "好的,谢谢",
    "嗯,明白了",
    "辛苦了",
    "好,我试试",
    "可以了,谢谢你",
];

const SURNAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙",
];
const DISTRICTS: &[&str] = &[
    "滨江",
    "南湖",
    "高新",
    "老城",
    "东港",
    "西山",
    "临河",
    "开发区",
];

/// A finished text and how it is to be sent.
pub struct Written {
    /// Plain text, or a transcript with `客服:`/`用户:` prefixes.
    pub text: String,
    /// Turns instead of a text: (customer speaks, what).
    pub turns: Option<Vec<(bool, String)>>,
    /// Written in English.
    pub english: bool,
}

/// Writes one voice. `spoken` = a conversation is possible (call or chat).
pub fn write(rng: &mut Rng, matters: &Matters, satisfied: bool, spoken: bool) -> Written {
    let english = rng.chance(0.05);
    if english {
        let (matter, tail) = if satisfied {
            (rng.word(matters.good_en), rng.word(GOOD_TAILS_EN))
        } else {
            (rng.word(matters.bad_en), rng.word(BAD_TAILS_EN))
        };
        let text = fill(rng, &format!("{matter}{tail}"));
        return Written {
            text,
            turns: None,
            english,
        };
    }
    let opening = rng.word(OPENINGS);
    let (matter, tail) = if satisfied {
        (rng.word(matters.good), rng.word(GOOD_TAILS))
    } else {
        (rng.word(matters.bad), rng.word(BAD_TAILS))
    };
    let mut said = fill(rng, &format!("{opening}{matter}{tail}"));
    if rng.chance(0.06) {
        said.push_str(&personal(rng));
    }
    if !spoken || !rng.chance(0.4) {
        return Written {
            text: said,
            turns: None,
            english,
        };
    }
    let reply = if satisfied {
        rng.word(GOOD_REPLIES)
    } else {
        rng.word(BAD_REPLIES)
    };
    let talk = vec![
        (false, rng.word(GREETINGS).to_owned()),
        (true, said),
        (false, rng.word(ANSWERS).to_owned()),
        (true, fill(rng, reply)),
    ];
    if rng.chance(0.5) {
        return Written {
            text: String::new(),
            turns: Some(talk),
            english,
        };
    }
    let lines: Vec<String> = talk
        .iter()
        .map(|(customer, what)| format!("{}:{what}", if *customer { "用户" } else { "客服" }))
        .collect();
    Written {
        text: lines.join("\n"),
        turns: None,
        english,
    }
}

/// Fills the slots of a template.
fn fill(rng: &mut Rng, template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        out.push_str(before);
        let Some(close) = after.find('}') else { break };
        out.push_str(&slot(rng, after.get(1..close).unwrap_or_default()));
        rest = after.get(close + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn slot(rng: &mut Rng, name: &str) -> String {
    match name {
        "价" => (19 + 10 * rng.below(8)).to_string(),
        "贵" => (109 + 10 * rng.below(12)).to_string(),
        "罚" => (30 + rng.below(270)).to_string(),
        "月" => (2 + rng.below(20)).to_string(),
        "天" => (2 + rng.below(12)).to_string(),
        "次" => (2 + rng.below(5)).to_string(),
        "分" => (15 + rng.below(45)).to_string(),
        "日" => format!("{}号", 1 + rng.below(28)),
        "区" => rng.word(DISTRICTS).to_owned(),
        other => other.to_owned(),
    }
}

/// Made-up personal data, to show that it is masked: numbers of ranges that are given to nobody.
fn personal(rng: &mut Rng) -> String {
    let surname = rng.word(SURNAMES);
    match rng.below(4) {
        0 => format!(
            "我的电话是1{}0000{:04}。",
            rng.word(&["38", "59", "77", "86"]),
            rng.below(10_000)
        ),
        1 => format!(
            "我姓{surname},{surname}{},请回电。",
            rng.word(&["先生", "女士"])
        ),
        2 => format!("身份证{}。", id_card(rng)),
        _ => format!("邮箱user{}@mail.example。", rng.below(9000) + 1000),
    }
}

/// An ID-card number with a right check digit and a birth year that no living person has.
fn id_card(rng: &mut Rng) -> String {
    const WEIGHTS: [u64; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECK: &[u8] = b"10X98765432";
    let body = format!(
        "110101190{}{:02}{:02}{:03}",
        rng.below(5),
        1 + rng.below(12),
        1 + rng.below(28),
        rng.below(1000)
    );
    let sum: u64 = body
        .bytes()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u64::from(digit - b'0') * weight)
        .sum();
    let check = usize::try_from(sum % 11)
        .ok()
        .and_then(|at| CHECK.get(at))
        .copied()
        .unwrap_or(b'0');
    format!("{body}{}", char::from(check))
}
