//! The registry of problem codes: every error that a caller can meet, once.

use axum::http::StatusCode;
use domain::organisation::{Bilingual, Locale};

macro_rules! codes {
    ($($name:ident $text:literal $status:ident $zh:literal $en:literal;)*) => {
        /// What a problem is about. Stable: programs compare it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $en] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// One line for people.
            #[must_use]
            pub fn title(self, locale: Locale) -> &'static str {
                match (self, locale) {
                    $((Self::$name, Locale::ZhCn) => $zh, (Self::$name, Locale::En) => $en,)*
                }
            }

            /// Both languages at once.
            #[must_use]
            pub fn titles(self) -> Bilingual {
                Bilingual::new(self.title(Locale::ZhCn), self.title(Locale::En))
            }
        }
    };
}

codes! {
    MalformedBody "malformed_body" BAD_REQUEST "请求内容无法解析" "the request body cannot be read";
    InvalidField "invalid_field" UNPROCESSABLE_ENTITY "有字段不符合要求" "a field is not as it must be";
    InvalidQuery "invalid_query" BAD_REQUEST "查询参数不符合要求" "a query parameter is not as it must be";
    TooLarge "too_large" PAYLOAD_TOO_LARGE "请求内容过大" "the request is too large";
    UnsupportedMedia "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "不支持这种内容类型" "this content type is not understood";
    NotAuthenticated "not_authenticated" UNAUTHORIZED "请先登录" "log in first";
    HookRefused "hook_refused" UNAUTHORIZED "请求未能证明来源" "the request did not prove where it comes from";
    WrongCredentials "wrong_credentials" UNAUTHORIZED "邮箱或密码不正确" "e-mail or password is wrong";
    TooManyAttempts "too_many_attempts" TOO_MANY_REQUESTS "尝试次数过多，请稍后再试" "too many attempts, try again later";
    RateLimited "rate_limited" TOO_MANY_REQUESTS "请求过于频繁" "too many requests";
    NotAllowed "not_allowed" FORBIDDEN "没有权限" "this role may not do that";
    CsrfRefused "csrf_refused" FORBIDDEN "请求来源未通过校验，请刷新页面" "the origin of this request could not be confirmed, reload the page";
    NotFound "not_found" NOT_FOUND "找不到" "there is nothing here";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "不支持这种请求方法" "this method is not supported here";
    Stale "stale_version" PRECONDITION_FAILED "内容已被他人修改，请刷新后再试" "somebody else changed this meanwhile, read it again";
    Conflict "conflict" CONFLICT "已经存在，或仍被使用" "this exists already, or is still in use";
    WrongState "wrong_state" CONFLICT "当前状态不允许此操作" "the present state does not allow this";
    OpenSubTasks "open_sub_tasks" CONFLICT "还有未结束的子任务" "sub-tasks are still open";
    KeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY "Idempotency-Key 已用于另一个请求" "this Idempotency-Key was used for another request";
    LastAdmin "last_admin" CONFLICT "至少要保留一名管理员" "one administrator must remain";
    NotAComponent "not_a_component" UNPROCESSABLE_ENTITY "这不是 Bihuan 插件组件" "this is not a component of Bihuan";
    NotTrusted "not_trusted" UNPROCESSABLE_ENTITY "签名不受信任，或没有签名" "the signature is not trusted, or there is none";
    ForbiddenImport "forbidden_import" UNPROCESSABLE_ENTITY "插件请求了不允许的能力" "the plugin imports what no plugin may have";
    IncompatiblePlugin "incompatible_plugin" UNPROCESSABLE_ENTITY "插件接口版本不兼容" "the plugin was made for another version of the contract";
    NotGranted "not_granted" CONFLICT "还没有人决定这个插件可以做什么" "nobody has decided yet what this plugin may do";
    NotRedrivable "not_redrivable" CONFLICT "这条记录不能在这里重新处理" "this record cannot be worked off again from here";
    NoClassifier "no_classifier" SERVICE_UNAVAILABLE "没有可用的分类插件" "no classifier plugin is ready";
    NotDecidable "not_decidable" UNPROCESSABLE_ENTITY "按目前的数据量，这个指标无法得出结论" "this metric cannot be decided with the data that comes in";
    NotProven "not_proven" CONFLICT "只有已验证有效的改进才能发布" "only what was proven can be published";
    NoPublisher "no_publisher" CONFLICT "没有可用的知识库插件" "no knowledge-base plugin is ready";
    NotTaking "not_taking_requests" SERVICE_UNAVAILABLE "此地址目前不接收请求：已停用，或尚未配置完整" "this address takes no requests at present: it is switched off or not fully set up";
    Busy "busy" SERVICE_UNAVAILABLE "系统繁忙，请稍后再试" "the server is busy, try again";
    Internal "internal" INTERNAL_SERVER_ERROR "服务器内部错误" "something went wrong on our side";
}
