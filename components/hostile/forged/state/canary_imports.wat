;; What `canary.wat` imports, in it or around it.
(import "patinox:tool/context@0.1.0" (instance $context
  (export "report-progress" (func
    (param "done" u64) (param "total" (option u64)) (param "message" (option string))))))
(import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
(alias export $error "error" (type $io-error))
(import "wasi:io/streams@0.2.0" (instance $streams
  (export "output-stream" (type $o (sub resource)))
  (alias outer 1 $io-error (type $e))
  (export "error" (type $e' (eq $e)))
  (type $s (variant (case "last-operation-failed" (own $e')) (case "closed")))
  (export "stream-error" (type $s' (eq $s)))
  (export "[method]output-stream.blocking-write-and-flush" (func
    (param "self" (borrow $o)) (param "contents" (list u8)) (result (result (error $s')))))))
(alias export $streams "output-stream" (type $output-stream))
(import "wasi:cli/stdout@0.2.0" (instance $stdout
  (alias outer 1 $output-stream (type $o))
  (export "output-stream" (type $o' (eq $o)))
  (export "get-stdout" (func (result (own $o'))))))
(import "wasi:logging/logging@0.1.0-draft" (instance $logging
  (type $l (enum "trace" "debug" "info" "warn" "error" "critical"))
  (export "level" (type $level (eq $l)))
  (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))))
(import "wasi:random/random@0.2.0" (instance $random
  (export "get-random-u64" (func (result u64)))))
(import "wasi:random/insecure-seed@0.2.0" (instance $seed
  (export "insecure-seed" (func (result (tuple u64 u64))))))
