//! The wire: router, problems, who calls, limits.

pub mod caller;
pub mod code;
pub mod console;
pub mod extract;
mod once;
pub mod openapi;
pub mod problem;
pub mod router;

pub use caller::Caller;
pub use code::Code;
pub use extract::{Body, IfMatch, Listing, Params, Segment};
pub use once::Once;
pub use problem::{FieldError, Problem, spoken};
pub use router::router;

/// The result of a handler.
pub type Result<T> = std::result::Result<T, Problem>;

/// One page of a list on the wire.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; null: this was the last.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A whole list that needs no paging.
    pub fn whole(items: Vec<T>) -> axum::Json<Self> {
        axum::Json(Self {
            items,
            next_cursor: None,
        })
    }

    /// A page of stored objects, each seen through `view`.
    pub fn page<S>(page: storage::Page<S>, view: impl FnMut(S) -> T) -> axum::Json<Self> {
        axum::Json(Self {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next,
        })
    }
}
