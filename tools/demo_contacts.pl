#!/usr/bin/perl
#
# demo_contacts.pl: writes demo/contacts.csv to the standard output: 1,000 people
# in the shape of an export from Google Contacts (2024 and later), the same on every
# machine.  The people are invented, the numbers only look like numbers, and the
# mail addresses are in the domains that are reserved for examples.

use strict;
use warnings;
use utf8;

binmode STDOUT, ':raw:utf8';

my @header = (
    'First Name', 'Middle Name', 'Last Name', 'Phonetic First Name',
    'Phonetic Middle Name', 'Phonetic Last Name', 'Name Prefix', 'Name Suffix',
    'Nickname', 'File As', 'Organization Name', 'Organization Title',
    'Organization Department', 'Birthday', 'Notes', 'Photo', 'Labels',
    'E-mail 1 - Label', 'E-mail 1 - Value', 'E-mail 2 - Label',
    'E-mail 2 - Value', 'Phone 1 - Label', 'Phone 1 - Value',
    'Phone 2 - Label', 'Phone 2 - Value', 'Address 1 - Label',
    'Address 1 - Formatted', 'Address 1 - Street', 'Address 1 - City',
    'Address 1 - PO Box', 'Address 1 - Region', 'Address 1 - Postal Code',
    'Address 1 - Country', 'Address 1 - Extended Address');

# a linear congruential generator (Knuth's MMIX would need 64 bits; this is the
# one of the C standard), because perl's rand differs between builds
my $seed = 2026;

sub pick {
    my ($n) = @_;

    $seed = ($seed * 1103515245 + 12345) % 2147483648;

    return int($seed / 65536) % $n;
}

sub one {
    return $_[0][pick(scalar @{ $_[0] })];
}

# weight, form of the number ("x" a digit, "y" one from 1 to 8), city, street, first
# names, last names
my @places = (
    [ 150, '+254 7yx xxx xxx', 'KE', [qw(Nairobi Mombasa Kisumu Nakuru)],
      'Moi Avenue',
      [qw(Amina Wanjiru Otieno Baraka Zawadi Neema Juma Achieng Makena Kamau
          Njeri Mwende Hamisi Rehema)],
      [qw(Otieno Mwangi Kiprop Wambui Odhiambo Njoroge Mutua Cheruiyot
          Nyambura Kariuki)] ],
    [ 140, '+55 11 9yxxx-xxxx', 'BR',
      ['São Paulo', 'Recife', 'Curitiba', 'Belém'], 'Rua das Laranjeiras',
      [qw(João Conceição Luíza Antônio Thaís Márcio Gonçalo Inês Caetano
          Jussara Otávio)],
      ['da Silva', 'Araújo', 'Magalhães', 'dos Santos', 'Peçanha',
       'Guimarães', 'Falcão', 'Brandão'] ],
    [ 130, '+91 98yxx xxxxx', 'IN', [qw(मुंबई दिल्ली जयपुर पुणे)],
      'महात्मा गांधी मार्ग',
      [qw(अनन्या आरव ईशा रोहन प्रिया विवेक मीरा कबीर सुनीता अर्जुन)],
      [qw(शर्मा पटेल वर्मा गुप्ता जोशी चौधरी मिश्रा अय्यर)] ],
    [ 60, '+91 97yxx xxxxx', 'IN', [qw(Bengaluru Chennai Kochi)],
      'Residency Road',
      [qw(Ananya Karthik Lakshmi Rahul Divya Suresh Nandini)],
      [qw(Iyer Reddy Nair Krishnan Menon Rao)] ],
    [ 110, '+62 81y-xxxx-xxxx', 'ID', [qw(Jakarta Surabaya Bandung Medan)],
      'Jalan Sudirman',
      [qw(Siti Budi Dewi Agus Putri Wayan Ketut Ratna Bagus Intan)],
      [qw(Santoso Wijaya Hidayat Kusuma Lestari Pranoto Siregar)] ],
    [ 90, '+20 10y xxx xxxx', 'EG', [qw(القاهرة الإسكندرية الجيزة أسوان)],
      'شارع التحرير',
      [qw(فاطمة محمود ياسمين عمر نورهان خالد مريم يوسف سلمى طارق)],
      [qw(حسن إبراهيم المصري عبدالله السيد منصور شاهين)] ],
    [ 40, '+966 5y xxx xxxx', 'SA', [qw(الرياض جدة الدمام)],
      'طريق الملك فهد',
      [qw(عبدالعزيز نورة سلطان لطيفة فيصل هند)],
      [qw(القحطاني الحربي الغامدي العتيبي)] ],
    [ 80, '+52 55 yxxx xxxx', 'MX',
      ['Ciudad de México', 'Mérida', 'Querétaro'], 'Avenida Juárez',
      [qw(Lucía José Ximena Ángel Sofía Íñigo Guadalupe Andrés)],
      [qw(Hernández Núñez Ibáñez Cárdenas Ordóñez Pérez)] ],
    [ 60, '+34 6yx xxx xxx', 'ES', [qw(Madrid Cádiz València)],
      'Calle de Alcalá',
      [qw(Núria Begoña Iñaki Álvaro Montserrat Joan Uxía)],
      ['García Lorca', 'Muñoz', 'Etxeberria', 'Ferrer', 'Castaño'] ],
    [ 50, '+380 67 yxx xxxx', 'UA', [qw(Київ Львів Одеса)],
      'вулиця Хрещатик',
      [qw(Олена Андрій Ганна Тарас Соломія Юрій Їжачка)],
      [qw(Шевченко Коваленко Бондаренко Їжак Петренко)] ],
    [ 40, '+86 13y xxxx xxxx', 'CN', [qw(上海 北京 成都)], '南京路',
      [qw(伟 芳 秀英 敏 静 丽 强 磊)], [qw(王 李 张 刘 陈 杨 欧阳)] ],
    [ 50, '+255 7yx xxx xxx', 'TZ', ['Dar es Salaam', 'Arusha', 'Zanzibar'],
      'Barabara ya Uhuru',
      [qw(Baraka Upendo Rajabu Mwanaidi Furaha Shabani)],
      [qw(Mushi Kimaro Massawe Mrema Juma)] ],
);

my @organisations = ('', '', '', '', 'Acacia Traders', 'Blue Door, Ltd',
    'Padaria "Pão & Cia"', 'Toko Maju', 'شركة النيل', 'दीपक स्टोर्स');

my @notes = (
    '', '', '', '', '', '', '',
    "Prefers mornings.\nCalls before delivery",
    "Said: \"the blue one, size 42\"",
    "Due: 2 boxes, 1 bag;\nsecond floor, left door",
    'Birthday gift 🎁 sent',
    'يفضل التواصل مساءً');

my @labels = ('* myContacts', '* myContacts', '* myContacts',
    'VIP ::: * myContacts', 'Wholesale ::: * myContacts',
    'Newsletter ::: * myContacts');

# as Google writes it: quotes only where they are needed, LF inside fields
sub row {
    return join(',', map {
        my $f = $_;
        if ($f =~ /[",\r\n]/) {
            $f =~ s/"/""/g;
            $f = qq{"$f"};
        }
        $f
    } @_) . "\n";
}

my (%used, @wheel);

for my $p (@places) {
    push @wheel, ($p) x $p->[0];
}

sub number {
    my ($form) = @_;
    my $n;

    do {
        $n = $form;
        $n =~ s/y/1 + pick(8)/ge;
        $n =~ s/x/pick(10)/ge;
    } while ($used{$n =~ s/\D//gr}++);

    return $n;
}

print "\x{feff}", row(@header);

for my $i (1 .. 1000) {
    my $p = $wheel[pick(scalar @wheel)];
    my (undef, $form, $country, $cities, $street, $first, $last) = @$p;
    my %f;

    $f{'First Name'} = one($first);
    $f{'Last Name'} = one($last);
    $f{'Organization Name'} = one(\@organisations);
    $f{'Notes'} = one(\@notes);
    $f{'Labels'} = one(\@labels);

    $f{'Birthday'} = sprintf '19%02d-%02d-%02d', 50 + pick(50), 1 + pick(12),
        1 + pick(28) if pick(4) == 0;

    if (pick(3)) {
        $f{'E-mail 1 - Label'} = pick(2) ? '* Home' : 'Work';
        $f{'E-mail 1 - Value'} = sprintf 'person%04d@example.%s', $i,
            one([qw(com org net)]);
    }

    $f{'Phone 1 - Label'} = pick(5) ? 'Mobile' : 'Home';
    $f{'Phone 1 - Value'} = number($form);

    if (pick(5) == 0) {
        my $city = one($cities);
        my $line = sprintf '%s %d', $street, 1 + pick(180);

        $f{'Address 1 - Label'} = 'Home';
        $f{'Address 1 - Formatted'} = "$line\n$city\n$country";
        $f{'Address 1 - Street'} = $line;
        $f{'Address 1 - City'} = $city;
        $f{'Address 1 - Country'} = $country;
    }

    print row(map { $f{$_} // '' } @header);
}
