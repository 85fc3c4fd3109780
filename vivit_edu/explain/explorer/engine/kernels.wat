;; The three functions that take a forward pass its time, on vectors of four float32 numbers (WebAssembly SIMD).
;;
;; wasm.js holds this text assembled; after a change, rebuild it there with
;;     npx -p wabt wat2wasm kernels.wat --output=- | base64 -w 0
;; All addresses and distances are in bytes; every array starts at a multiple of 16 and may be read to the next one.
(module
  (import "page" "memory" (memory 1))

  ;; e^x of four numbers, 2^n e^r with |r| <= ln 2 / 2: the polynomial of Cephes' expf, within 2 units of the last place.
  (func $exp (param $x v128) (result v128) (local $n v128) (local $p v128)
    (local.set $x (f32x4.max (v128.const f32x4 -87 -87 -87 -87) (f32x4.min (v128.const f32x4 88 88 88 88) (local.get $x))))
    (local.set $n (f32x4.nearest (f32x4.mul (local.get $x) (f32x4.splat (f32.const 1.44269504)))))
    ;; r = x - n ln 2, with ln 2 in two parts, of which the first times n is exact
    (local.set $x (f32x4.sub (local.get $x) (f32x4.mul (local.get $n) (f32x4.splat (f32.const 0.693359375)))))
    (local.set $x (f32x4.add (local.get $x) (f32x4.mul (local.get $n) (f32x4.splat (f32.const 2.12194440e-4)))))
    (local.set $p (f32x4.splat (f32.const 1.9875691500e-4)))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $x)) (f32x4.splat (f32.const 1.3981999507e-3))))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $x)) (f32x4.splat (f32.const 8.3334519073e-3))))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $x)) (f32x4.splat (f32.const 4.1665795894e-2))))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $x)) (f32x4.splat (f32.const 1.6666665459e-1))))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $x)) (f32x4.splat (f32.const 5.0000001201e-1))))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $x)) (f32x4.splat (f32.const 1))))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $x)) (f32x4.splat (f32.const 1))))
    ;; 2^n is the number whose exponent's bits are n + 127
    (f32x4.mul (local.get $p) (i32x4.shl
      (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $n)) (i32x4.splat (i32.const 127))) (i32.const 23))))

  ;; 4 x 8 sums of products in eight registers: rows x, x + xRow, ... times eight columns of w, plus the bias at $b.
  (func $tile4x8 (param $out i32) (param $outRow i32) (param $x i32) (param $xRow i32) (param $w i32) (param $wRow i32)
    (param $b i32) (param $k i32)
    (local $left v128) (local $right v128) (local $value v128) (local $x1 i32) (local $x2 i32) (local $x3 i32)
    (local $l0 v128) (local $l1 v128) (local $l2 v128) (local $l3 v128)
    (local $r0 v128) (local $r1 v128) (local $r2 v128) (local $r3 v128)
    (if (local.get $b) (then
      (local.set $l0 (v128.load (local.get $b)))
      (local.set $r0 (v128.load offset=16 (local.get $b)))
      (local.set $l1 (local.get $l0)) (local.set $l2 (local.get $l0)) (local.set $l3 (local.get $l0))
      (local.set $r1 (local.get $r0)) (local.set $r2 (local.get $r0)) (local.set $r3 (local.get $r0))))
    (local.set $x1 (i32.add (local.get $x) (local.get $xRow)))
    (local.set $x2 (i32.add (local.get $x1) (local.get $xRow)))
    (local.set $x3 (i32.add (local.get $x2) (local.get $xRow)))
    (loop $next
      (local.set $left (v128.load (local.get $w)))
      (local.set $right (v128.load offset=16 (local.get $w)))
      (local.set $value (v128.load32_splat (local.get $x)))
      (local.set $l0 (f32x4.add (local.get $l0) (f32x4.mul (local.get $value) (local.get $left))))
      (local.set $r0 (f32x4.add (local.get $r0) (f32x4.mul (local.get $value) (local.get $right))))
      (local.set $value (v128.load32_splat (local.get $x1)))
      (local.set $l1 (f32x4.add (local.get $l1) (f32x4.mul (local.get $value) (local.get $left))))
      (local.set $r1 (f32x4.add (local.get $r1) (f32x4.mul (local.get $value) (local.get $right))))
      (local.set $value (v128.load32_splat (local.get $x2)))
      (local.set $l2 (f32x4.add (local.get $l2) (f32x4.mul (local.get $value) (local.get $left))))
      (local.set $r2 (f32x4.add (local.get $r2) (f32x4.mul (local.get $value) (local.get $right))))
      (local.set $value (v128.load32_splat (local.get $x3)))
      (local.set $l3 (f32x4.add (local.get $l3) (f32x4.mul (local.get $value) (local.get $left))))
      (local.set $r3 (f32x4.add (local.get $r3) (f32x4.mul (local.get $value) (local.get $right))))
      (local.set $x (i32.add (local.get $x) (i32.const 4)))
      (local.set $x1 (i32.add (local.get $x1) (i32.const 4)))
      (local.set $x2 (i32.add (local.get $x2) (i32.const 4)))
      (local.set $x3 (i32.add (local.get $x3) (i32.const 4)))
      (local.set $w (i32.add (local.get $w) (local.get $wRow)))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (v128.store (local.get $out) (local.get $l0))
    (v128.store offset=16 (local.get $out) (local.get $r0))
    (local.set $out (i32.add (local.get $out) (local.get $outRow)))
    (v128.store (local.get $out) (local.get $l1))
    (v128.store offset=16 (local.get $out) (local.get $r1))
    (local.set $out (i32.add (local.get $out) (local.get $outRow)))
    (v128.store (local.get $out) (local.get $l2))
    (v128.store offset=16 (local.get $out) (local.get $r2))
    (local.set $out (i32.add (local.get $out) (local.get $outRow)))
    (v128.store (local.get $out) (local.get $l3))
    (v128.store offset=16 (local.get $out) (local.get $r3)))

  ;; What the tiles leave over: one row, columns $j to $m by fours, then one by one.
  (func $row (param $out i32) (param $x i32) (param $w i32) (param $wRow i32) (param $b i32)
    (param $k i32) (param $j i32) (param $m i32)
    (local $sums v128) (local $sum f32) (local $xp i32) (local $wp i32) (local $p i32) (local $step i32)
    (loop $columns
      (if (i32.ge_u (local.get $j) (local.get $m)) (then (return)))
      (local.set $step (i32.shl (local.get $j) (i32.const 2)))
      (local.set $wp (i32.add (local.get $w) (local.get $step)))
      (local.set $xp (local.get $x))
      (local.set $p (local.get $k))
      (if (i32.le_u (i32.add (local.get $j) (i32.const 4)) (local.get $m))
        (then
          (local.set $sums (f32x4.splat (f32.const 0)))
          (if (local.get $b) (then (local.set $sums (v128.load (i32.add (local.get $b) (local.get $step))))))
          (loop $four
            (local.set $sums (f32x4.add (local.get $sums)
              (f32x4.mul (v128.load32_splat (local.get $xp)) (v128.load (local.get $wp)))))
            (local.set $xp (i32.add (local.get $xp) (i32.const 4)))
            (local.set $wp (i32.add (local.get $wp) (local.get $wRow)))
            (br_if $four (local.tee $p (i32.sub (local.get $p) (i32.const 1)))))
          (v128.store (i32.add (local.get $out) (local.get $step)) (local.get $sums))
          (local.set $j (i32.add (local.get $j) (i32.const 4))))
        (else
          (local.set $sum (f32.const 0))
          (if (local.get $b) (then (local.set $sum (f32.load (i32.add (local.get $b) (local.get $step))))))
          (loop $one
            (local.set $sum (f32.add (local.get $sum) (f32.mul (f32.load (local.get $xp)) (f32.load (local.get $wp)))))
            (local.set $xp (i32.add (local.get $xp) (i32.const 4)))
            (local.set $wp (i32.add (local.get $wp) (local.get $wRow)))
            (br_if $one (local.tee $p (i32.sub (local.get $p) (i32.const 1)))))
          (f32.store (i32.add (local.get $out) (local.get $step)) (local.get $sum))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))))
      (br $columns)))

  ;; out (n x m) = x (n x k) w (k x m) + bias; $b is 0 where there is no bias.
  (func (export "matmul") (param $out i32) (param $outRow i32) (param $x i32) (param $xRow i32) (param $w i32)
    (param $wRow i32) (param $b i32) (param $n i32) (param $k i32) (param $m i32)
    (local $j i32) (local $high i32) (local $step i32)
    (loop $rows
      (if (i32.eqz (local.get $n)) (then (return)))
      (local.set $j (i32.const 0))
      (local.set $high (i32.const 1))
      (if (i32.ge_u (local.get $n) (i32.const 4)) (then
        (local.set $high (i32.const 4))
        (block $narrow (loop $columns
          (br_if $narrow (i32.gt_u (i32.add (local.get $j) (i32.const 8)) (local.get $m)))
          (local.set $step (i32.shl (local.get $j) (i32.const 2)))
          (call $tile4x8 (i32.add (local.get $out) (local.get $step)) (local.get $outRow) (local.get $x) (local.get $xRow)
            (i32.add (local.get $w) (local.get $step)) (local.get $wRow)
            (select (i32.add (local.get $b) (local.get $step)) (i32.const 0) (local.get $b)) (local.get $k))
          (local.set $j (i32.add (local.get $j) (i32.const 8)))
          (br $columns)))))
      (local.set $n (i32.sub (local.get $n) (local.get $high)))
      (loop $rest
        (call $row (local.get $out) (local.get $x) (local.get $w) (local.get $wRow) (local.get $b)
          (local.get $k) (local.get $j) (local.get $m))
        (local.set $out (i32.add (local.get $out) (local.get $outRow)))
        (local.set $x (i32.add (local.get $x) (local.get $xRow)))
        (br_if $rest (local.tee $high (i32.sub (local.get $high) (i32.const 1)))))
      (br $rows)))

  ;; GELU in place, by the tanh formula: a / (1 + e^(-2 sqrt(2 / pi) a (1 + 0.044715 a^2))).
  (func (export "gelu") (param $at i32) (param $end i32) (local $a v128)
    (loop $next
      (local.set $a (v128.load (local.get $at)))
      (v128.store (local.get $at) (f32x4.div (local.get $a) (f32x4.add (f32x4.splat (f32.const 1)) (call $exp
        (f32x4.mul (f32x4.mul (f32x4.splat (f32.const -1.5957691216057308)) (local.get $a))
          (f32x4.add (f32x4.splat (f32.const 1))
            (f32x4.mul (f32x4.splat (f32.const 0.044715)) (f32x4.mul (local.get $a) (local.get $a)))))))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end)))))

  ;; Each row of n numbers less its largest, through exp, over their sum; in place. Rows need not start at a multiple
  ;; of 16, and what lies behind a row is the next row's: the last one to three numbers are taken one by one.
  (func (export "softmax") (param $at i32) (param $n i32) (param $rows i32)
    (local $end i32) (local $fours i32) (local $p i32) (local $top f32) (local $sum f32) (local $v v128) (local $s v128)
    (local.set $n (i32.shl (local.get $n) (i32.const 2)))
    (loop $row
      (local.set $end (i32.add (local.get $at) (local.get $n)))
      (local.set $fours (i32.add (local.get $at) (i32.and (local.get $n) (i32.const -16))))
      (local.set $top (f32.const -inf))
      (local.set $p (local.get $at))
      (loop $max
        (local.set $top (f32.max (local.get $top) (f32.load (local.get $p))))
        (br_if $max (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 4))) (local.get $end))))
      (local.set $s (f32x4.splat (f32.const 0)))
      (local.set $sum (f32.const 0))
      (local.set $p (local.get $at))
      (loop $exps
        (if (i32.lt_u (local.get $p) (local.get $fours))
          (then
            (local.set $v (call $exp (f32x4.sub (v128.load (local.get $p)) (f32x4.splat (local.get $top)))))
            (v128.store (local.get $p) (local.get $v))
            (local.set $s (f32x4.add (local.get $s) (local.get $v)))
            (local.set $p (i32.add (local.get $p) (i32.const 16)))
            (br $exps)))
        (if (i32.lt_u (local.get $p) (local.get $end))
          (then
            (local.set $v (call $exp (f32x4.sub (v128.load32_splat (local.get $p)) (f32x4.splat (local.get $top)))))
            (f32.store (local.get $p) (f32x4.extract_lane 0 (local.get $v)))
            (local.set $sum (f32.add (local.get $sum) (f32x4.extract_lane 0 (local.get $v))))
            (local.set $p (i32.add (local.get $p) (i32.const 4)))
            (br $exps))))
      (local.set $sum (f32.add (local.get $sum) (f32.add
        (f32.add (f32x4.extract_lane 0 (local.get $s)) (f32x4.extract_lane 1 (local.get $s)))
        (f32.add (f32x4.extract_lane 2 (local.get $s)) (f32x4.extract_lane 3 (local.get $s))))))
      (local.set $sum (f32.div (f32.const 1) (local.get $sum)))
      (local.set $p (local.get $at))
      (loop $scale
        (if (i32.lt_u (local.get $p) (local.get $fours))
          (then
            (v128.store (local.get $p) (f32x4.mul (v128.load (local.get $p)) (f32x4.splat (local.get $sum))))
            (local.set $p (i32.add (local.get $p) (i32.const 16)))
            (br $scale)))
        (if (i32.lt_u (local.get $p) (local.get $end))
          (then
            (f32.store (local.get $p) (f32.mul (f32.load (local.get $p)) (local.get $sum)))
            (local.set $p (i32.add (local.get $p) (i32.const 4)))
            (br $scale))))
      (local.set $at (local.get $end))
      (br_if $row (local.tee $rows (i32.sub (local.get $rows) (i32.const 1)))))))
