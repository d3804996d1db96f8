//! Talos and COSI protobuf API: our own .proto files and the generated tonic code.
