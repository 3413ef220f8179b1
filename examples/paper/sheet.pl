#!/usr/bin/perl
# sheet.pl PICTURES.idx COLUMNS: writes one picture with all gray pictures of an IDX file in rows, as an IDX file on standard output.
use strict;
use warnings;

my ($path, $columns) = @ARGV;
open my $f, '<:raw', $path or die "$path: $!\n";
my $bytes = do { local $/; <$f> };
my ($magic, $n, $h, $w) = unpack 'N4', $bytes;
die "$path: not an IDX file of gray pictures\n" unless $magic == 0x803 && length $bytes == 16 + $n * $h * $w;
my $rows = int(($n + $columns - 1) / $columns);
my $sheet = "\0" x ($rows * $h * $columns * $w);
for my $i (0 .. $n - 1) {
	my ($row, $column) = (int($i / $columns), $i % $columns);
	for my $y (0 .. $h - 1) {
		substr $sheet, (($row * $h + $y) * $columns + $column) * $w, $w, substr $bytes, 16 + ($i * $h + $y) * $w, $w;
	}
}
binmode STDOUT;
print pack('N4', 0x803, 1, $rows * $h, $columns * $w), $sheet;
