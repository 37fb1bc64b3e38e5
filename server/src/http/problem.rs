//! Errors on the wire: RFC 9457 problem details with a stable code.

use super::Code;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::organisation::Locale;
use serde::Serialize;
use storage::DbError;

tokio::task_local! {
    /// Of the request that this task answers.
    pub static REQUEST: Request;
}

/// What every answer to a request knows of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Named in problems and in logs.
    pub id: String,
    /// Language of its messages.
    pub locale: Locale,
}

/// A sentence in the language of whoever asks.
#[must_use]
pub fn spoken(sentence: &domain::organisation::Bilingual) -> String {
    let locale = REQUEST.try_with(|r| r.locale).unwrap_or_default();
    sentence.get(locale).to_owned()
}

/// One field that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Which field, from the root of the body on: `contract.guards[0].limit`; a query parameter; empty:
    /// the body as a whole.
    pub field: String,
    /// Stable code.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// An error as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What it is about.
    pub code: Code,
    /// For people; may be empty.
    pub detail: String,
    /// Fields that are not as they must be.
    pub errors: Vec<FieldError>,
    /// Seconds after which trying again can help.
    pub retry_after: Option<u64>,
}

/// The body of a problem.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Address of the code's description.
    #[serde(rename = "type")]
    pub kind: String,
    /// One line, in the caller's language.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// More, for people.
    pub detail: String,
    /// Stable code for programs.
    pub code: String,
    /// Names the request in the logs.
    pub request_id: String,
    /// Fields that are not as they must be.
    pub errors: Vec<FieldError>,
}

fn sentence(error: &FieldError) -> String {
    if error.field.is_empty() {
        error.detail.clone()
    } else {
        format!("{}: {}", error.field, error.detail)
    }
}

impl Problem {
    /// A problem with a sentence of its own.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// A problem of one field.
    pub fn field(
        field: impl Into<String>,
        code: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        let error = FieldError {
            field: field.into(),
            code: code.into(),
            detail: detail.into(),
        };
        Self {
            code: Code::InvalidField,
            detail: sentence(&error),
            errors: vec![error],
            retry_after: None,
        }
    }

    /// What is wrong, for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.detail.is_empty() {
            let locale = REQUEST.try_with(|r| r.locale).unwrap_or_default();
            return self.code.title(locale).to_owned();
        }
        self.detail.clone()
    }

    /// A problem of one query parameter.
    pub fn query(
        field: impl Into<String>,
        code: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            code: Code::InvalidQuery,
            ..Self::field(field, code, detail)
        }
    }

    /// The same of an object that stands under `name` in what was sent.
    #[must_use]
    pub fn inside(mut self, name: &str) -> Self {
        for error in &mut self.errors {
            error.field = format!("{name}.{}", error.field);
        }
        self.told()
    }

    /// The same of query parameters, where the fields of the object `name` stand by themselves.
    #[must_use]
    pub fn of_query(mut self, name: &str) -> Self {
        if self.code == Code::InvalidField {
            self.code = Code::InvalidQuery;
        }
        for error in &mut self.errors {
            if let Some(field) = error
                .field
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'))
            {
                error.field = field.to_owned();
            }
        }
        self.told()
    }

    /// With the detail that fits the only field.
    fn told(mut self) -> Self {
        if let ([error], Code::InvalidField | Code::InvalidQuery) =
            (self.errors.as_slice(), self.code)
        {
            self.detail = sentence(error);
        }
        self
    }

    /// Nothing of that name.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("no {what} of that name"))
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code, "")
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Stale { table, id } => Self::new(Code::Stale, format!("{table} {id}")),
            DbError::Conflict { .. } => Code::Conflict.into(),
            DbError::Busy => Self {
                retry_after: Some(1),
                ..Code::Busy.into()
            },
            DbError::Corrupt { .. } | DbError::Other(_) => {
                // The chain goes to the log once, here; never to the caller.
                let id = REQUEST.try_with(|r| r.id.clone()).unwrap_or_default();
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(request.id = id, error = %error, source, "a request failed in the database");
                Code::Internal.into()
            }
        }
    }
}

impl From<domain::organisation::Invalid> for Problem {
    fn from(error: domain::organisation::Invalid) -> Self {
        use domain::organisation::Invalid;
        let (field, code) = match &error {
            Invalid::Key(_) => ("key".to_owned(), "bad_key"),
            Invalid::Field { field, .. } => (field.to_string(), "invalid"),
            Invalid::Cycle(_) => ("parent".to_owned(), "cycle"),
            Invalid::Unknown { field, .. } => (field.to_string(), "unknown"),
        };
        let detail = match &error {
            Invalid::Field { detail, .. } => detail.clone(),
            _ => error.to_string(),
        };
        Self::field(field, code, detail)
    }
}

impl From<domain::tasks::Refused> for Problem {
    fn from(error: domain::tasks::Refused) -> Self {
        match error {
            domain::tasks::Refused::State { .. } => Self::new(Code::WrongState, error.to_string()),
            domain::tasks::Refused::OpenSubTasks { titles } => Self::new(
                Code::OpenSubTasks,
                spoken(&domain::organisation::Bilingual::new(
                    format!("还有未结束的子任务：{}", titles.join("、")),
                    format!("sub-tasks are still open: {}", titles.join(", ")),
                )),
            ),
            domain::tasks::Refused::Field {
                field,
                code,
                detail,
            } => Self::field(field, code, detail),
        }
    }
}

impl From<domain::issues::Refused> for Problem {
    fn from(error: domain::issues::Refused) -> Self {
        let detail = spoken(&error.sentence());
        match error {
            domain::issues::Refused::Unfit(unfit) => Self::field(unfit.field, unfit.code, detail),
            _ => Self::new(Code::WrongState, detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let request = REQUEST.try_with(Clone::clone).unwrap_or_else(|_| Request {
            id: String::new(),
            locale: Locale::ZhCn,
        });
        let title = self.code.title(request.locale).to_owned();
        let body = ProblemBody {
            kind: format!("/api/v1/problems#{}", self.code.as_str()),
            status: self.code.status().as_u16(),
            detail: if self.detail.is_empty() {
                title.clone()
            } else {
                self.detail
            },
            title,
            code: self.code.as_str().to_owned(),
            request_id: request.id,
            errors: self.errors,
        };
        let mut response = (self.code.status(), axum::Json(body)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
