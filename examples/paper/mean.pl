#!/usr/bin/perl
# mean.pl A.npy B.npy ...: the mean of matrices of float32 of one shape, as vae-testinf --matrix writes them; without their hash.
use strict;
use warnings;

my ($head, @sum);
for my $path (@ARGV) {
	open my $f, '<:raw', $path or die "$path: $!\n";
	local $/;
	my $bytes = <$f>;
	my $size = 10 + unpack 'v', substr $bytes, 8, 2;
	my $is = substr $bytes, 0, $size;
	$is =~ s/( # [0-9a-f]{16} [0-9a-f]{16}) [0-9a-f]{16}/$1 . ' ' x 17/e;
	$head = $is unless defined $head;
	die "$path: another shape\n" if $head ne $is;
	my @v = unpack 'f<*', substr $bytes, $size;
	$sum[$_] += $v[$_] / @ARGV for 0 .. $#v;
}
binmode STDOUT;
print $head, pack 'f<*', @sum;
