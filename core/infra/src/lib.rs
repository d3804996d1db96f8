//! Infrastructure providers behind one trait.
