#!/usr/bin/perl
# mean.pl A.npy B.npy ...: the mean of matrices of float32 of one shape, as vae-testinf --matrix writes them.
use strict;
use warnings;

my ($head, @sum);
for my $path (@ARGV) {
	open my $f, '<:raw', $path or die "$path: $!\n";
	local $/;
	my $bytes = <$f>;
	$head = substr $bytes, 0, 128 unless defined $head;
	die "$path: another shape\n" if $head ne substr $bytes, 0, 128;
	my @v = unpack 'f<*', substr $bytes, 128;
	$sum[$_] += $v[$_] / @ARGV for 0 .. $#v;
}
binmode STDOUT;
print $head, pack 'f<*', @sum;
