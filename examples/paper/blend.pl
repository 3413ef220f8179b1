#!/usr/bin/perl
# blend.pl IMAGES LABELS RECORDS SEED OUT: 0.75 of one picture and 0.25 of another, for each ordered pair of the classes 0 to 9 (Kong &
# Chaudhuri 2021, appendix B.3). IMAGES and LABELS are IDX files, plain or .gz; the pictures are taken at random from the first RECORDS.
# Writes OUT, an IDX file, and prints the position of the major and of the minor picture of each blend.
use strict;
use warnings;

sub slurp {
	my $path = shift;
	open my $f, '-|', 'gzip', '-dcf', $path or die "$path: $!\n";
	binmode $f;
	local $/;
	my $bytes = <$f>;
	close $f or die "$path: cannot be read\n";
	return $bytes;
}

my ($images, $labels, $records, $seed, $out) = @ARGV;
my ($pixels, $classes) = (slurp($images), slurp($labels));
my ($magic, $n, $h, $w) = unpack 'N4', $pixels;
die "$images: not an IDX file of pictures\n" unless $magic == 0x803 && length $pixels == 16 + $n * $h * $w;
die "$labels: not the labels of $images\n" unless length $classes == 8 + $n;
$n = $records if $records < $n;
my @of;
push @{ $of[ord substr $classes, 8 + $_, 1] }, $_ for 0 .. $n - 1;
my $state = $seed; # so that the choice is the same everywhere
sub below { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0] }
my ($blends, $count) = ('', 0);
for my $a (0 .. 9) {
	for my $b (0 .. 9) {
		next if $a == $b || !$of[$a] || !$of[$b];
		my @pair = ($of[$a][below(scalar @{ $of[$a] })], $of[$b][below(scalar @{ $of[$b] })]);
		my ($x, $y) = map { [unpack 'C*', substr $pixels, 16 + $_ * $h * $w, $h * $w] } @pair;
		$blends .= pack 'C*', map { int(0.75 * $x->[$_] + 0.25 * $y->[$_] + 0.5) } 0 .. $h * $w - 1;
		print "@pair\n";
		$count++;
	}
}
open my $f, '>:raw', $out or die "$out: $!\n";
print $f pack('N4', 0x803, $count, $h, $w), $blends;
close $f or die "$out: $!\n";
