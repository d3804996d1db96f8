//! Ui, output formats, error rendering and progress renderers.
