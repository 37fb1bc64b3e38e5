//! Word segmentation with jieba: the only place that names it.

use domain::organisation::Topic;
use jieba_rs::Jieba;
use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

/// The segmenter with the organisation's own words. Cheap to share; changes apply to the next text.
#[derive(Clone)]
pub struct Words {
    inner: Arc<RwLock<Arc<Jieba>>>,
}

impl Default for Words {
    fn default() -> Self {
        Self::new()
    }
}

impl Words {
    /// The segmenter with its own dictionary.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inner: Arc::new(RwLock::new(Arc::new(Jieba::new()))),
        }
    }

    /// Takes over the words of the taxonomy: the organisation knows its terms better.
    pub fn learn(&self, topics: &[Topic]) {
        let mut jieba = Jieba::new();
        let mut words = BTreeSet::new();
        for topic in topics {
            words.extend(topic.words.iter().cloned());
            words.extend(topic.synonyms.keys().cloned());
            words.extend(topic.synonyms.values().cloned());
            for cause in &topic.causes {
                words.extend(cause.words.iter().cloned());
            }
        }
        for word in words {
            let folded = domain::text::fold(&word);
            if folded.text.chars().count() > 1 && !folded.text.contains(char::is_whitespace) {
                jieba.add_word(&folded.text, None, None);
            }
        }
        if let Ok(mut inner) = self.inner.write() {
            *inner = Arc::new(jieba);
        }
    }

    fn jieba(&self) -> Arc<Jieba> {
        match self.inner.read() {
            Ok(inner) => inner.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// End offsets (UTF-8 bytes) of the tokens of a folded text.
    #[must_use]
    pub fn token_ends(&self, folded: &str) -> Vec<u32> {
        let mut end = 0_u32;
        self.jieba()
            .cut(folded, true)
            .iter()
            .map(|token| {
                end += u32::try_from(token.word.len()).unwrap_or(0);
                end
            })
            .collect()
    }

    /// Words worth searching for: folded, no single Han characters, no punctuation, no numbers.
    #[must_use]
    pub fn terms(&self, text: &str) -> Vec<String> {
        let folded = domain::text::fold(text);
        self.jieba()
            .cut_for_search(&folded.text, true)
            .iter()
            .map(|token| token.word)
            .filter(|word| is_term(word))
            .map(str::to_owned)
            .collect()
    }
}

impl Words {
    /// Whole words worth telling: as [`Words::terms`], without the parts of longer words.
    #[must_use]
    pub fn whole(&self, text: &str) -> Vec<String> {
        let folded = domain::text::fold(text);
        self.jieba()
            .cut(&folded.text, true)
            .iter()
            .map(|token| token.word)
            .filter(|word| is_term(word))
            .map(str::to_owned)
            .collect()
    }
}

const STOP: [&str; 64] = [
    "我们",
    "你们",
    "他们",
    "这个",
    "那个",
    "什么",
    "怎么",
    "为什么",
    "没有",
    "可以",
    "就是",
    "一个",
    "不是",
    "现在",
    "还是",
    "但是",
    "因为",
    "所以",
    "如果",
    "已经",
    "知道",
    "时候",
    "今天",
    "昨天",
    "的话",
    "一下",
    "一直",
    "自己",
    "这样",
    "这么",
    "那么",
    "这里",
    "还有",
    "不能",
    "不要",
    "需要",
    "觉得",
    "应该",
    "可能",
    "问题",
    "客服",
    "您好",
    "你好",
    "谢谢",
    "请问",
    "the",
    "and",
    "you",
    "for",
    "not",
    "was",
    "that",
    "this",
    "with",
    "have",
    "are",
    "but",
    "my",
    "is",
    "to",
    "of",
    "in",
    "it",
    "on",
];

fn is_term(word: &str) -> bool {
    let count = word.chars().count();
    count > 1
        && count <= 30
        && word.chars().any(char::is_alphabetic)
        && !word
            .chars()
            .any(|c| c == '〔' || c == '〕' || c.is_whitespace())
        && !STOP.contains(&word)
}
