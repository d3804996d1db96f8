//! Tests of the .proto files and the code made from them.

mod facts;
mod fresh;
mod generator;
