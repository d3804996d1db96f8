//! Lists that stay true: the objects of a kind as rows, and every change of them from then on.

pub mod by_server;
mod clusters;
mod kind;
mod networks;
mod row;
mod small;
mod stream;

pub use self::kind::{Column, Holds, Kind};
pub use self::networks::{Block, Kept};
pub use self::row::{Cell, Detail, Row, State};
pub use self::stream::{News, Scope, watch};
