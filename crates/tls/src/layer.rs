//! What Pingora asks of a stream beside reading and writing, answered by the stream below.

/// Makes `$layer`, which reads and writes by itself, a stream for Pingora's sessions. `$below` is the method that
/// returns the stream below, which knows the socket.
///
/// The caller needs `async-trait`, `pingora-core` and `tokio` among its dependencies.
#[macro_export]
macro_rules! pingora_layer {
    ($layer:ty, $below:ident) => {
        #[::async_trait::async_trait]
        impl ::pingora_core::protocols::Shutdown for $layer {
            async fn shutdown(&mut self) {
                // The connection is over in either case, so an error has no consequence.
                let _ = ::tokio::io::AsyncWriteExt::shutdown(self).await;
            }
        }

        impl ::pingora_core::protocols::UniqueID for $layer {
            fn id(&self) -> ::pingora_core::protocols::UniqueIDType {
                self.$below().id()
            }
        }

        impl ::pingora_core::protocols::GetTimingDigest for $layer {
            fn get_timing_digest(&self) -> Vec<Option<::pingora_core::protocols::TimingDigest>> {
                self.$below().get_timing_digest()
            }
        }

        impl ::pingora_core::protocols::GetProxyDigest for $layer {
            fn get_proxy_digest(
                &self,
            ) -> Option<::std::sync::Arc<::pingora_core::protocols::raw_connect::ProxyDigest>> {
                self.$below().get_proxy_digest()
            }
        }

        impl ::pingora_core::protocols::GetSocketDigest for $layer {
            fn get_socket_digest(
                &self,
            ) -> Option<::std::sync::Arc<::pingora_core::protocols::SocketDigest>> {
                self.$below().get_socket_digest()
            }
        }

        impl ::pingora_core::protocols::Ssl for $layer {}
        impl ::pingora_core::protocols::Peek for $layer {}
    };
}
