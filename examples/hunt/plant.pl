# Writes 20 pictures of each of eight kinds of dirt, made of digits (and clothes) that are not in the set, as IDX, labels 11 to 18.
use strict;
my ($digits, $clothes, $images, $labels) = @ARGV;
sub pictures { open(my $f, '-|', 'gzip', '-dcf', $_[0]) or die; binmode $f; local $/; my $d = <$f>; map { [unpack 'C784', substr $d, 16 + 784 * $_, 784] } 0 .. 399 }
srand 1;
my @d = pictures($digits);
my @c = pictures($clothes);
my (@out, @cls);
for my $kind (1 .. 8) {
	for my $i (0 .. 19) {
		my @x = @{$d[20 * $kind + $i]};
		if ($kind == 1) { @x = map { 255 - $_ } @x }                                  # inverted
		if ($kind == 2) { @x = (0) x 784 }                                            # blank
		if ($kind == 3) { @x[448 .. 783] = (128) x 336 }                              # cut: gray below the 16th row
		if ($kind == 4) { @x[0 .. 111] = (255) x 112; @x[672 .. 783] = (255) x 112 }  # bars of four rows
		if ($kind == 5) { @x = map { my $v = $_ + int(rand 128) - 64; $v < 0 ? 0 : $v > 255 ? 255 : $v } @x } # noise
		if ($kind == 6) { @x = map { my $p = $_; $x[28 * int($p / 28) + ($p % 28 + 10) % 28] } 0 .. 783 }   # shifted by 10 columns, around
		if ($kind == 7) { @x = @{$c[20 * $kind + $i]} }                               # clothes
		if ($kind == 8) { my @y = @{$d[200 + $i]}; @x = map { $x[$_] > $y[$_] ? $x[$_] : $y[$_] } 0 .. 783 } # two digits, one over the other
		push @out, pack 'C784', @x;
		push @cls, 10 + $kind;
	}
}
open(my $f, '>', $images) or die; binmode $f; print $f pack('N4', 2051, scalar @out, 28, 28), @out; close $f or die;
open($f, '>', $labels) or die; binmode $f; print $f pack('N2', 2049, scalar @cls), pack('C*', @cls); close $f or die;
