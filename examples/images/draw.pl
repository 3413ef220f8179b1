#!/usr/bin/perl
# draw.pl DIR [N]: draws N (default 300) JPEG pictures of 96x96 into DIR, for clean.sh: hills under a sky, as mosaics of 8x8 squares.
# Every fiftieth is an outlier (large squares, noise, a negative), named DIR/odd-*.jpg. Drawn pictures show the pipeline; they do not
# show how well it works on photographs.
use strict;
use warnings;

die "usage: draw.pl DIR [N]\n" unless @ARGV;
my ($dir, $n) = (@ARGV, 300);
my $side = 12;    # squares

# A baseline JPEG of one colour a block: only DC coefficients, which are mean - 128 with a quantiser of 8.
sub jpeg
{
	my ($pixel) = @_;    # [Y, Cb, Cr] a square
	my $w = 8 * $side;
	my ($bits, @last) = ("", 0, 0, 0);
	for my $p (@$pixel) {
		for my $c (0 .. 2) {
			my $diff = int($p->[$c]) - 128 - $last[$c];
			$last[$c] += $diff;
			my $size = $diff ? length sprintf "%b", abs $diff : 0;
			$bits .= sprintf "%04b", $size;    # the code of its size, below
			$bits .= sprintf "%0${size}b", $diff < 0 ? $diff + 2**$size - 1 : $diff if $size;
			$bits .= "0";                      # end of block
		}
	}
	$bits .= "1" x (-length($bits) % 8);
	(my $data = pack "B*", $bits) =~ s/\xff/\xff\x00/g;
	my $segment = sub { "\xff" . chr($_[0]) . pack("n", 2 + length $_[1]) . $_[1] };
	return "\xff\xd8" .
		$segment->(0xdb, "\0" . chr(8) x 64) .
		$segment->(0xc0, pack "C n n C C9", 8, $w, $w, 3, map { $_, 0x11, 0 } 1 .. 3) .
		$segment->(0xc4, "\0" . pack "C16 C12", 0, 0, 0, 12, (0) x 12, 0 .. 11) .    # 12 codes of 4 bits
		$segment->(0xc4, "\x10" . pack "C16 C", 1, (0) x 15, 0) .                   # end of block: one bit
		$segment->(0xda, pack "C C6 C3", 3, (map { $_, 0 } 1 .. 3), 0, 63, 0) . $data . "\xff\xd9";
}

sub clip { my ($v) = @_; $v < 1 ? 1 : $v > 254 ? 254 : $v }

sub hills
{
	my ($light, $at, $steep, $green) = (140 + rand 80, 4 + rand 4, 0.5 + rand 0.8, 90 + rand 25);
	my @p;
	for my $y (0 .. $side - 1) {
		for my $x (0 .. $side - 1) {
			my $ground = $y > $at + 2 * sin($x * $steep);
			push @p, $ground ? [60 + 6 * ($y - $at), $green, 110] : [clip($light + 4 * ($side - $y)), 150, 110];
		}
	}
	return \@p;
}

sub odd
{
	my ($kind) = @_;
	my $hills = hills();
	return [map { [clip(255 - $_->[0]), 255 - $_->[1], 255 - $_->[2]] } @$hills] if $kind == 2;
	my $large = $kind ? 1 : 4;
	my @colour = map { [1 + rand 250, 1 + rand 250, 1 + rand 250] } 1 .. $side * $side;
	return [map { my ($y, $x) = (int($_ / $side / $large), int($_ % $side / $large)); $colour[$y * $side + $x] } 0 .. $side * $side - 1];
}

srand 1;
mkdir $dir;
for my $i (0 .. $n - 1) {
	my $odd = $i % 50 == 49;
	my $name = sprintf "%s/%s-%04d.jpg", $dir, $odd ? "odd" : "hills", $i;
	open my $f, ">:raw", $name or die "$name: $!\n";
	print $f jpeg($odd ? odd(int($i / 50) % 3) : hills());
	close $f or die "$name: $!\n";
}
