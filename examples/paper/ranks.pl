#!/usr/bin/perl
# ranks.pl PAIRS OVER.jsonl [PREFIX]: where the two parents of each blend rank among all records, by a file of --influence with all of
# them. PAIRS: positions of the parents, from blend.pl; keys are PREFIX and eight digits. Prints quantiles of the ranks, from 0, and how
# often the major parent is first: | 25% | 50% | 75% | top-1 | 25% | 50% | 75% |
use strict;
use warnings;

my ($pairs, $over, $prefix) = @ARGV;
$prefix = 'mnist/' unless defined $prefix;
open my $p, '<', $pairs or die "$pairs: $!\n";
my @pairs = map { [split] } <$p>;
open my $o, '<', $over or die "$over: $!\n";
my (@major, @minor);
for my $pair (@pairs) {
	my $line = <$o>;
	die "$over: fewer lines than pairs\n" unless defined $line;
	my ($pro, $con) = $line =~ /"proponents":\[(.*?)\],"opponents":\[(.*?)\]/ or die "$over: line $.: no lists\n";
	my @order = ($pro =~ /"key":"([^"]*)"/g, reverse($con =~ /"key":"([^"]*)"/g));
	my %rank;
	@rank{@order} = 0 .. $#order;
	my @r = map { $rank{sprintf '%s%08d', $prefix, $_} } @$pair;
	die "$over: line $.: a parent is not listed: --top is too small\n" if grep { !defined } @r;
	push @major, $r[0];
	push @minor, $r[1];
}
sub quantiles {
	my @v = sort { $a <=> $b } @_;
	return map { $v[int($_ * $#v + 0.5)] } 0.25, 0.5, 0.75;
}
printf "| %s | %.3f | %s |\n", join(' | ', quantiles(@major)), (grep { $_ == 0 } @major) / @major, join(' | ', quantiles(@minor));
